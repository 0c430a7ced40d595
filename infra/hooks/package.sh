#!/bin/sh
# Packs the app as of a commit or tag, with its packages and the board: package.sh REF FILE.zip. Nothing is built in Azure then.
set -eu

ref="${1:?the commit or tag}"
file="$(realpath "${2:?the zip to write}")"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

git archive --format tar "$ref" | tar -x -C "$work"
cd "$work"
python3 -m pip install --quiet --require-hashes --only-binary=:all: --platform manylinux2014_x86_64 --platform manylinux_2_28_x86_64 \
  --python-version 3.11 --target .python_packages/lib/site-packages -r requirements.txt
if [ -f board/package.json ]; then
  (cd board && npm ci --ignore-scripts --no-audit --no-fund && npm run build)
  board=board/dist
fi
rm -f "$file"
zip --quiet --recurse-paths "$file" function_app.py host.json requirements.txt functions shared config pipelines \
  .python_packages ${board:-}
echo "$file: $(du -h "$file" | cut -f1) of $ref"

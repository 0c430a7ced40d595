"""What the triggers do: parse, call one use case, map the result.

A trigger imports its handler when it is called, so that a cold start loads one context and no other.
"""

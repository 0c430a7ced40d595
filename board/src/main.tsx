import './styles/index.css'

import { render } from 'preact'

import { App } from './app'
import { placeChanged } from './router'
import { openSession } from './session'
import { applyTheme } from './shell'

applyTheme()
const root = document.getElementById('board')
if (root) render(<App />, root)
void openSession().then(placeChanged)

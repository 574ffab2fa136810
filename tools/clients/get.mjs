// Asks for a page with Node.js: get.mjs NAME PORT CA PATH.
import { readFileSync } from 'node:fs'
import { get } from 'node:https'

const [name, port, ca, path] = process.argv.slice(2)
const options = { host: '127.0.0.1', servername: name, headers: { host: name }, port, path, ca: readFileSync(ca), agent: false }
get(options, (response) => response.pipe(process.stdout)).on('error', (error) => {
  console.error(error)
  process.exit(1)
})

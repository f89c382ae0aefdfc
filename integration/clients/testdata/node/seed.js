// What the programs of the JavaScript clients share: PROGRAM CASE SEED TOPIC NAME.
export const RECORDS = 5
const DEADLINE_MS = 30_000

export async function main (cases) {
  const [name, ...args] = process.argv.slice(2)
  const late = new Promise((resolve, reject) =>
    setTimeout(() => reject(new Error(`no end after ${DEADLINE_MS} ms`)), DEADLINE_MS))
  try {
    await Promise.race([cases[name](...args), late])
    console.log('ok')
    process.exit(0)
  } catch (error) {
    console.error(error)
    process.exit(1)
  }
}

export const values = prefix => Array.from({ length: RECORDS }, (_, i) => `${prefix}-${i}`)

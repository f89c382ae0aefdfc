// What the administering programs of the JavaScript clients share: PROGRAM SEED PREFIX. Each step
// prints its name and the code of Kafka's error, 0 for success.
export async function step (name, action) {
  let outcome = 0
  try {
    await action()
  } catch (error) {
    outcome = codeOf(error) ?? `${error.name}: ${error.message}`
  }
  console.log(`${name}\t${outcome}`)
}

// Libraries wrap the errors of brokers.
function codeOf (error) {
  if (error === undefined || error === null) return undefined
  const code = error.code ?? error.errorCode
  if (Number.isInteger(code)) return code
  for (const inner of [...error.errors ?? [], ...error.groups ?? []]) {
    const code = codeOf(inner)
    if (code !== undefined) return code
  }
  return codeOf(error.cause)
}

export function equal (got, want) {
  if (got !== want) throw new Error(`${JSON.stringify(got)}, want ${JSON.stringify(want)}`)
}

// Brokers learn of a change a moment after its answer.
export async function until (look) {
  let last = new Error('not seen')
  for (let i = 0; i < 100; i++) {
    try {
      if (await look()) return
    } catch (error) {
      last = error
    }
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw last
}

// A vendor that costs as little as it can: reads requests by their length and answers each the same, but for those that
// ask for a token. A process of its own, so that what it costs is not the engine's. Prints its port.
import { createServer } from "node:net"

const [status = "200", body = "{}", token = "{}"] = process.argv.slice(2)
const answerOf = (status: string, body: string) =>
  Buffer.from(
    `HTTP/1.1 ${status} OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
const answer = answerOf(status, body)
const tokenAnswer = answerOf("200", token)
const isForToken = /^POST \S*\/tokens? /
const headEnd = Buffer.from("\r\n\r\n")

const server = createServer((socket) => {
  let missing = 0
  let next = answer
  let head = Buffer.alloc(0)
  socket.setNoDelay(true)
  socket.on("error", () => socket.destroy())
  socket.on("data", (part) => {
    let at = 0
    const answers: Array<Buffer> = []
    while (at < part.length) {
      if (missing > 0) {
        const taken = Math.min(missing, part.length - at)
        missing -= taken
        at += taken
        if (missing === 0) answers.push(next)
        continue
      }
      head = head.length === 0 ? part.subarray(at) : Buffer.concat([head, part.subarray(at)])
      at = part.length
      const end = head.indexOf(headEnd)
      if (end === -1) continue
      const lines = head.toString("latin1", 0, end)
      const length = /content-length: (\d+)/i.exec(lines)?.[1] ?? "0"
      next = isForToken.test(lines) ? tokenAnswer : answer
      const rest = head.subarray(end + headEnd.length)
      head = Buffer.alloc(0)
      missing = Number(length)
      if (missing === 0) answers.push(next)
      part = rest
      at = 0
    }
    for (const each of answers) socket.write(each)
  })
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  console.log(typeof address === "object" ? address?.port : "")
})

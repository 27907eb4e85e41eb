// A vendor that costs as little as it can: reads requests by their length and answers each the same. A process of its
// own, so that what it costs is not the engine's. Prints its port.
import { createServer } from "node:net"

const [status = "200", body = "{}"] = process.argv.slice(2)
const answer = Buffer.from(
  `HTTP/1.1 ${status} OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
)
const headEnd = Buffer.from("\r\n\r\n")

const server = createServer((socket) => {
  let missing = 0
  let head = Buffer.alloc(0)
  socket.setNoDelay(true)
  socket.on("error", () => socket.destroy())
  socket.on("data", (part) => {
    let at = 0
    let answers = 0
    while (at < part.length) {
      if (missing > 0) {
        const taken = Math.min(missing, part.length - at)
        missing -= taken
        at += taken
        if (missing === 0) answers++
        continue
      }
      head = head.length === 0 ? part.subarray(at) : Buffer.concat([head, part.subarray(at)])
      at = part.length
      const end = head.indexOf(headEnd)
      if (end === -1) continue
      const length = /content-length: (\d+)/i.exec(head.toString("latin1", 0, end))?.[1] ?? "0"
      const rest = head.subarray(end + headEnd.length)
      head = Buffer.alloc(0)
      missing = Number(length)
      if (missing === 0) answers++
      part = rest
      at = 0
    }
    for (let i = 0; i < answers; i++) socket.write(answer)
  })
})
server.listen(0, "127.0.0.1", () => {
  const address = server.address()
  console.log(typeof address === "object" ? address?.port : "")
})

// A public edge with one static route and nothing else: the relay by itself, for measuring.
//   edge PORT HOST:PORT [PIPE_SIZE]
// Every hello that names a server goes to HOST:PORT, whatever the name. Prints `ready` when it accepts.
import ClientHello
import Glibc
import Relay

func usage() -> Never {
  print("usage: edge PORT HOST:PORT [PIPE_SIZE]")
  exit(64)
}

let words = CommandLine.arguments
guard (3...4).contains(words.count), let port = Int(words[1]) else { usage() }
let target = words[2].split(separator: ":")
guard target.count == 2, let targetPort = Int(target[1]) else { usage() }
let address = DialTarget.host(String(target[0]), port: targetPort)

var settings = RelaySettings()
// All load comes from one address.
settings.maxStreamsPerSource = .max
if words.count == 4, let size = Int(words[3]) { settings.pipeSize = size }
settings.directRoute = { _ in address }
let engine = RelayEngine(settings)
do {
  try engine.start()
  _ = try engine.listen(for: .clients, host: "127.0.0.1", port: port)
} catch {
  print("edge: \(error)")
  exit(1)
}
print("ready")
fflush(nil)

Task.detached {
  for await event in engine.events {
    // The route was asked on the loop, so nothing is left to decide here.
    if case .helloArrived(let stream, _, _) = event { engine.cancel(stream) }
  }
}
// The main thread stays: where it ends, as it does behind an await, valgrind 3.19 crashes.
while true { pause() }

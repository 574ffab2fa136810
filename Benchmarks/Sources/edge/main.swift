// A public edge with one static route and nothing else: the relay by itself, for measuring.
//   edge PORT HOST:PORT [PIPE_SIZE | unknown | source | name]
// Every hello that names a server goes to HOST:PORT, whatever the name; or every connection is refused: for its unknown name, for
// the rate of its source, or for that of its name. Prints `ready` when it accepts.
import ClientHello
import Glibc
import Limits
import Relay

func usage() -> Never {
  print("usage: edge PORT HOST:PORT [PIPE_SIZE | unknown | source | name]")
  exit(64)
}

let words = CommandLine.arguments
guard (3...4).contains(words.count), let port = Int(words[1]) else { usage() }
let target = words[2].split(separator: ":")
guard target.count == 2, let targetPort = Int(target[1]) else { usage() }
let address = DialTarget.host(String(target[0]), port: targetPort)

var settings = RelaySettings()
// All load comes from one address and asks for one name.
settings.maxStreamsPerSource = .max
settings.maxStreamsPerName = .max
settings.decide = { _ in .route(address) }
switch words.dropFirst(3).first {
case nil: break
case "source": settings.sourceRates = [Pace(1, per: .seconds(1_000_000))]
case "name": settings.nameRates = [Pace(1, per: .seconds(1_000_000))]
case "unknown":
  // A thousand names and a wildcard, of which the one that is asked for is none.
  let crowd = (0..<1000).map { "host-\($0).example.org" } + ["*.example.org"]
  let known = NameFilter(crowd, key: .random(in: .min ... .max))
  settings.decide = { hello in
    guard let name = hello.serverName, !known.mayContain(name) else { return .ask }
    return .refuse(.unrecognizedName, .unknownName)
  }
case let word?:
  guard let size = Int(word) else { usage() }
  settings.pipeSize = size
}
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
  for await var news in engine.events {
    while let event = news.next() {
      // The route was asked on the loop, so nothing is left to decide here.
      if case .helloArrived(let stream, _, _) = event { engine.cancel(stream) }
    }
  }
}
// The main thread stays: where it ends, as it does behind an await, valgrind 3.19 crashes.
while true { pause() }

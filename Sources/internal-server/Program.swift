import ArgumentParser
import InternalServer
import Logging
import Operations

import class Foundation.ProcessInfo

@main
struct Program: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "internal-server", abstract: "The example service behind the private proxy: a small HTTPS server.",
    discussion: """
      Set by variables: IS_BIND_ADDRESS (localhost:8888), USE_TLS (1; 0 serves plain HTTP), IS_CERTIFICATE and IS_KEY
      (settings/dev/certs/internal-server.crt and .key). GET answers {"message":"success"}; POST answers JSON-RPC requests and
      returns any other JSON object.
      """,
    version: HyperVersion.text)

  func run() async throws {
    let logger = makeLogger(label: "internal-server", level: .info, format: .text)
    await finish(program: "internal-server") {
      try await InternalServer.serve(environment: ProcessInfo.processInfo.environment, logger: logger)
    }
  }
}

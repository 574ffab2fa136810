import Foundation
import HyperModel
import Testing

extension EndToEnd {
  /// 200 operators in one directory, 50 of them connected: half by streams that they opened, half by streams that we keep to them.
  @Suite("large directory") struct LargeDirectoryTests {
    private static let operators = 200
    private static let connected = 50
    private static let streams = (10..<35).map { "client-\($0)" }
    private static let servers = (10..<35).map { "server-\($0)" }

    /// Every operator that is not connected has the same certificate: making 150 more proves nothing.
    private func enroll(in network: TestNetwork, ports: [Int]) throws {
      var own = TestOperator.server("own", port: ports[0], groups: ["providers"], more: [["type": "grpc_client"]])
      own.methods = ["echo", "_ping", "_directory"]
      var members = [own] + Self.streams.map { TestOperator.client($0) }
      members += Self.servers.enumerated().map { .server($1, port: ports[$0 + 1], groups: ["callers"]) }
      try network.enroll(members)
      let unused = try network.issue("unused")
      let others = (members.count + 1...Self.operators).map { number -> TestOperator in
        var member = TestOperator.client("operator-\(number)")
        member.pin = unused
        return member
      }
      try network.enroll(others, in: "002.json")
    }

    @Test func everyConnectedOperatorIsReachedAndChangesOfTheDirectoryCostNoCall() async throws {
      let network = try TestNetwork()
      let peers = ReferenceNodes(in: network)
      let ports = try FreePorts.take(1 + Self.servers.count)
      try enroll(in: network, ports: ports)
      let node = try network.node("own", port: ports[0], level: "info")
      do {
        try FileManager.default.copyItem(atPath: network.directory, toPath: "\(network.folder)/theirs")
        try await peers.start()
        try await peers.order("directory", ["path": "theirs"])
        try await peers.order("service", ["name": "own", "path": "run/own.service"])
        for (number, name) in Self.servers.enumerated() {
          try await peers.order("serve", ["at": .string(name), "address": .string("127.0.0.1:\(ports[number + 1])"), "threads": 4])
        }
        try await node.start()
        try await node.ready()
        for name in Self.streams {
          let address = JSONValue.string("127.0.0.1:\(ports[0])")
          try await peers.order("stream", ["key": .string(name), "own": .string(name), "address": address, "other": "own"])
        }
        try await test(network, peers, node)
      } catch {
        Issue.record("\(node.name) printed at the end:\n\(node.lines.suffix(20).joined(separator: "\n"))")
        await clear(network, peers, node)
        throw error
      }
      await clear(network, peers, node)
    }

    private func clear(_ network: TestNetwork, _ peers: ReferenceNodes, _ node: ProgramUnderTest) async {
      if node.isRunning {
        node.send(SIGKILL)
        _ = try? await node.ended()  // how a killed program ended says nothing
      }
      await peers.end()
      network.remove()
    }

    private func test(_ network: TestNetwork, _ peers: ReferenceNodes, _ node: ProgramUnderTest) async throws {
      for name in Self.streams { try await node.line(containing: "stream open", "peer=\(name)") }
      for name in Self.servers {
        try await node.line(containing: "link up", "peer=\(name)")
        try await peers.event("announced") { $0["at"]?.string == name }
      }
      let metrics = try await network.metrics(of: "own")
      #expect(metrics["hyper_grpc_streams"] == 25)
      #expect(metrics["hyper_grpc_links_up"] == 25)
      // Before this, a link may have needed more than one attempt: all of them dial at once.
      let mark = node.lines.count

      // Each of them is called, again and again, while the directory changes.
      let everybody = (Self.streams + Self.servers).map { JSONValue.string("\($0).echo") }
      #expect(everybody.count == Self.connected)
      async let calls = peers.order(
        "steadily", ["socket": "run/own.sock", "methods": .array(everybody + ["own._directory"]), "until": "directory.done", "width": 6])
      try await change(network, node)
      try network.finish("directory.done")
      let done = try await calls
      #expect(done["failed"] == 0, "\(done.text.prefix(2000))")
      #expect((done["answered"]?.integer ?? 0) >= Self.connected)
      print("directory of \(Self.operators) changed under \(done["answered"] ?? 0) calls")
      #expect(!node.lines.dropFirst(mark).contains { $0.contains("link down") })

      // Who is not connected is said at once.
      let absent = try await peers.order("submit", ["socket": "run/own.sock", "method": "operator-100.echo"])
      #expect(absent["answer"]?["error"] == ["code": 1, "message": "no channel can deliver this request", "data": [:]])
      let entries = try await peers.order("submit", ["socket": "run/own.sock", "method": "own._directory"])["answer"]?["result"]?["entries"]
      #expect(entries?.array?.count == Self.operators)
    }

    /// Operators come, change and go; a bad file changes nothing; one bad entry concerns nobody else.
    private func change(_ network: TestNetwork, _ node: ProgramUnderTest) async throws {
      var guest = TestOperator.client("guest", groups: ["callers"])
      guest.pin = try network.issue("guest")
      for round in 1...4 {
        let mark = node.lines.count
        guest.groups = ["callers", "round-\(round)"]
        try network.enroll([guest], in: "003.json")
        try await node.line(containing: "directory reloaded", from: mark)
      }
      var mark = node.lines.count
      try Data("{\"records\": [\n{\"name\": \"guest\"".utf8).write(to: URL(filePath: "\(network.directory)/004.json"), options: .atomic)
      try await node.line(containing: "the directory cannot be reloaded", "004.json:2", from: mark)
      mark = node.lines.count
      var broken = TestOperator(
        name: "broken", groups: ["callers"], channels: [["type": "grpc_server", "settings": ["address": "nonsense"]]])
      broken.pin = guest.pin
      try network.enroll([broken], in: "004.json")
      try await node.line(containing: "directory entry cannot be used", "peer=broken", "nonsense", from: mark)
      for file in ["004.json", "003.json"] { try FileManager.default.removeItem(atPath: "\(network.directory)/\(file)") }
      try await node.line(containing: "directory reloaded", "entries=\(Self.operators)", from: mark)
    }
  }
}

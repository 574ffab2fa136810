import Foundation
import Harness
import HyperModel
import Synchronization
import Testing

extension EndToEnd {
  /// Peers that die or freeze while a call is on its way, at either side, in either role.
  @Suite("broken peers") struct BrokenPeerTests {
    /// Two nodes of ours: `outer` can be dialled, `inner` only dials. A reference server and a reference client in a process of their own, which
    /// can be killed. What a test calls goes through `outer` or `inner`; the programs behind them live in a third process.
    ///
    /// `current` is behind its mutex.
    final class Scene: Sendable {
      let network: TestNetwork
      let outer: ProgramUnderTest
      let inner: ProgramUnderTest
      /// The services of our nodes and the callers.
      let programs: ReferenceNodes
      /// The reference nodes `ref-server` and `ref-client`.
      var peers: ReferenceNodes { current.withLock { $0 } }
      private let current: Mutex<ReferenceNodes>
      private let ports: [Int]

      static let methods = ["echo", "hold", "_ping"]
      /// What a local call may take: longer than any delay, so that a call which fails earlier did not fail by that.
      static let limit = 20.0
      /// The same where it is waited for.
      static let shortLimit = 5.0

      /// - Parameter limit: what a local call may take, in seconds.
      init(limit: Double) throws {
        network = try TestNetwork()
        ports = try FreePorts.take(2)
        var outer = TestOperator.server("outer", port: ports[0], groups: ["callers"])
        var inner = TestOperator.client("inner")
        outer.methods = Self.methods
        inner.methods = Self.methods
        try network.enroll([outer, inner, .server("ref-server", port: ports[1], groups: ["callers"]), .client("ref-client")])
        self.outer = try network.node("outer", port: ports[0], callTimeout: limit)
        self.inner = try network.node("inner", port: nil, callTimeout: limit)
        programs = ReferenceNodes(in: network)
        current = Mutex(ReferenceNodes(in: network))
      }

      static func run(limit: Double = Scene.limit, _ test: (Scene) async throws -> Void) async throws {
        let scene = try Scene(limit: limit)
        do {
          try await scene.start()
          try await test(scene)
        } catch {
          for node in [scene.outer, scene.inner] {
            Issue.record("\(node.name) printed at the end:\n\(node.lines.suffix(20).joined(separator: "\n"))")
          }
          await scene.end()
          throw error
        }
        await scene.end()
      }

      private func start() async throws {
        try await programs.start()
        for name in ["outer", "inner"] {
          try await programs.order("service", ["name": .string(name), "path": .string("run/\(name).service")])
        }
        try await startPeers()
        for node in [outer, inner] {
          try await node.start()
          try await node.ready()
        }
        try await inner.line(containing: "link up", "peer=outer")
        try await openStream(peers)
      }

      /// `ref-server`, to which both of our nodes keep a stream.
      private func startPeers() async throws {
        try await peers.start()
        try await peers.order("serve", ["at": "ref-server", "address": .string("127.0.0.1:\(ports[1])")])
      }

      /// The reference nodes again, after their process was killed.
      func restartPeers() async throws {
        await peers.end()
        current.withLock { $0 = ReferenceNodes(in: network) }
        try await startPeers()
        try await openStream(peers)
      }

      func openStream(_ peers: ReferenceNodes) async throws {
        let mark = outer.lines.count
        try await peers.order(
          "stream", ["key": "s", "own": "ref-client", "address": .string("127.0.0.1:\(ports[0])"), "other": "outer"])
        try await outer.line(containing: "stream open", "peer=ref-client", from: mark)
      }

      func end() async {
        for node in [outer, inner] where node.isRunning {
          node.send(SIGCONT)
          node.send(SIGKILL)
          _ = try? await node.ended()  // how a killed program ended says nothing
        }
        await peers.end()
        await programs.end()
        network.remove()
      }

      /// A call of a local program: its answer, and how long it took.
      func submit(_ method: String, at node: String) async throws -> (answer: JSONValue, seconds: Double) {
        let done = try await programs.order("submit", ["socket": .string("run/\(node).sock"), "method": .string(method)])
        return (done["answer"] ?? .null, done["seconds"]?.seconds ?? 0)
      }

      func answers(_ method: String, at node: String) async throws -> Bool {
        try await submit(method, at: node).answer["result"] != nil
      }
    }

    /// Who is struck, and who calls it through which of our nodes.
    enum Struck: String, CaseIterable, CustomTestStringConvertible {
      case ourServer = "our server, called by our client"
      case ourClient = "our client, called over its stream"
      case referenceServer = "a reference server, called by our client"
      case referenceClient = "a reference client, called over its stream"

      var testDescription: String { rawValue }

      var caller: String { self == .ourServer ? "inner" : "outer" }
      var name: String {
        switch self {
        case .ourServer: "outer"
        case .ourClient: "inner"
        case .referenceServer: "ref-server"
        case .referenceClient: "ref-client"
        }
      }
      /// Where the held call shows: our services are told the method alone.
      var event: (name: String, method: String) {
        switch self {
        case .ourServer, .ourClient: ("served", "hold")
        case .referenceServer: ("called", "ref-server.hold")
        case .referenceClient: ("asked", "ref-client.hold")
        }
      }
      /// Somebody else whom the same node of ours reaches.
      var bystander: String {
        switch self {
        case .ourServer: "ref-server"
        case .ourClient: "ref-client"
        case .referenceServer, .referenceClient: "inner"
        }
      }

      func send(_ signal: Int32, in scene: Scene) {
        switch self {
        case .ourServer: scene.outer.send(signal)
        case .ourClient: scene.inner.send(signal)
        case .referenceServer, .referenceClient: scene.peers.send(signal)
        }
      }

      func source(in scene: Scene) -> ReferenceNodes {
        switch self {
        case .ourServer, .ourClient: scene.programs
        case .referenceServer, .referenceClient: scene.peers
        }
      }
    }

    /// Starts a call that is held at the other end, and does something once it is there.
    private func whileHeld(
      _ struck: Struck, in scene: Scene, _ then: () async throws -> Void
    ) async throws -> (answer: JSONValue, seconds: Double) {
      let source = struck.source(in: scene)
      let mark = source.mark
      async let held = scene.submit("\(struck.name).hold", at: struck.caller)
      let (event, method) = struck.event
      try await source.event(event, from: mark) { $0.text("method") == method }
      try await then()
      return try await held
    }

    @Test(arguments: Struck.allCases) func aCallInFlightFailsAtOnceWhenItsPeerIsKilledAndTheNextOneIsAnswered(_ struck: Struck) async throws
    {
      try await Scene.run { scene in
        try await eventually("\(struck.name) answers again") { try await scene.answers("\(struck.name).echo", at: struck.caller) }
        let before = try await scene.network.metrics(of: struck.caller)["process_open_fds"] ?? 0
        let kill = ContinuousClock.now
        let (answer, _) = try await whileHeld(struck, in: scene) { struck.send(SIGKILL, in: scene) }
        #expect(answer["error"]?["code"] == 500, "\(answer)")
        // That its deadline was not waited for shows in the words.
        #expect(answer.text("error", "message")?.contains("deadline") == false, "\(answer)")
        #expect(answer.text("error", "message")?.contains("in time") == false, "\(answer)")
        print("\(struck.rawValue) killed: the call failed after \(ContinuousClock.now - kill)")
        try await restart(struck, in: scene)
        try await eventually("\(struck.name) answers again") { try await scene.answers("\(struck.name).echo", at: struck.caller) }
        try await noDescriptorsStay(before, in: scene, at: struck.caller)
      }
    }

    @Test(arguments: Struck.allCases) func aFrozenPeerCostsItsCallersTheirDeadlineAndNobodyElseAnything(_ struck: Struck) async throws {
      try await Scene.run(limit: Scene.shortLimit) { scene in
        try await eventually("\(struck.name) answers again") { try await scene.answers("\(struck.name).echo", at: struck.caller) }
        let before = try await scene.network.metrics(of: struck.caller)["process_open_fds"] ?? 0
        let (answer, seconds) = try await whileHeld(struck, in: scene) {
          struck.send(SIGSTOP, in: scene)
          // Others are answered meanwhile, again and again.
          for _ in 0..<5 {
            let isAnswered = try await scene.answers("\(struck.bystander).echo", at: struck.caller)
            #expect(isAnswered)
          }
        }
        #expect(answer["error"] != nil, "\(answer)")
        #expect(seconds >= Scene.shortLimit - 0.5, "\(seconds)")
        struck.send(SIGCONT, in: scene)
        try await struck.source(in: scene).order("release", ["method": .string(struck.event.method)])
        try await eventually("\(struck.name) answers again") { try await scene.answers("\(struck.name).echo", at: struck.caller) }
        try await noDescriptorsStay(before, in: scene, at: struck.caller)
      }
    }

    /// As many as before, give or take a local connection that is kept alive.
    private func noDescriptorsStay(_ before: Double, in scene: Scene, at node: String) async throws {
      try await eventually("no more descriptors than \(before), or three more") {
        try await scene.network.metrics(of: node)["process_open_fds"] ?? .infinity <= before + 3
      }
    }

    /// The end of a frozen peer's stream comes late, when the peer has long been there again with another one.
    @Test func theEndOfTheOldStreamOfAPeerThatCameBackLeavesTheNewOne() async throws {
      try await Scene.run { scene in
        scene.peers.send(SIGSTOP)
        let again = ReferenceNodes(in: scene.network)
        try await again.start()
        try await scene.openStream(again)
        var isAnswered = try await scene.answers("ref-client.echo", at: "outer")
        #expect(isAnswered)
        let mark = scene.outer.lines.count
        await scene.peers.end()
        isAnswered = try await scene.answers("ref-client.echo", at: "outer")
        #expect(isAnswered)
        let streams = try await scene.network.metrics(of: "outer")["hyper_grpc_streams"]
        // That of `inner` and the new one.
        #expect(streams == 2)
        #expect(!scene.outer.lines.dropFirst(mark).contains { $0.contains("stream open") })
        await again.end()
      }
    }

    private func restart(_ struck: Struck, in scene: Scene) async throws {
      switch struck {
      case .ourServer:
        _ = try await scene.outer.ended()
        try await scene.outer.start()
        try await scene.outer.ready()
      case .ourClient:
        _ = try await scene.inner.ended()
        try await scene.inner.start()
        try await scene.inner.ready()
      case .referenceServer, .referenceClient: try await scene.restartPeers()
      }
    }
  }
}

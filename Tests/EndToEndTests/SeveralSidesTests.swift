import Foundation
import Harness
import HyperModel
import Subprocess
import Testing

extension EndToEnd {
  /// Several private proxies under one name: connections are spread over them, and a client notices nothing when one of them goes.
  ///
  /// Clients wait for the usual 10 s: no delay of a busy machine is to look like a private side that does not come.
  @Suite("several private sides", .stack(.metrics(.publicProxy, as: "public"), .metrics(.privateProxy, as: "first")))
  struct SeveralSidesTests {
    private static let metrics = "metrics: {bind_address: \"unix:run/second.metrics\"}"

    private static func notices(_ name: String, in stack: Stack) async throws -> Double {
      try await stack.metrics(of: name)["hyper_notices_received_total"] ?? -1
    }

    private static func announcements(in stack: Stack) async throws -> [JSONValue] {
      try await stack.call("public-proxy-1.getAnnouncements", at: "private-proxy-hyper-1.sock")["result"]?.array ?? []
    }

    private static func expectAllServed(_ stack: Stack, count: Int = 40, _ what: String) async throws {
      let load = try await stack.client("load", "--count", "\(count)")
      #expect(load["failed"] == 0, "\(what): \(load)")
      #expect(load["ok"] == .integer(Int64(count)), "\(what): \(load)")
    }

    @Test func connectionsAreSpreadOverInstancesAndNobodyNoticesThatOneIsKilled() async throws {
      let stack = try Stack.ofSuite
      let second = try SecondSide(in: stack, of: SecondSide.instance, more: Self.metrics)
      try await second.run {
        let before = try await (Self.notices("first", in: stack), Self.notices("second", in: stack))
        try await Self.expectAllServed(stack, "both there")
        let after = try await (Self.notices("first", in: stack), Self.notices("second", in: stack))
        #expect(after.0 > before.0 && after.1 > before.1, "\(before) \(after)")
        // One that was slow to answer counts as away for a moment.
        try await eventually("both are connected") {
          try await Self.announcements(in: stack).count { $0["connected"] == true } == 2
        }
        let there = try await Self.announcements(in: stack)
        #expect(there.count == 2 && there.allSatisfy { $0["operator"] == "private-proxy-1" }, "\(there)")
        #expect(Set(there.compactMap { $0["instance"]?.string }).count == 2, "\(there)")

        try await second.proxy.crash()
        try await Self.expectAllServed(stack, "second proxy killed")
        try await eventually("the other one alone is connected") {
          try await Self.announcements(in: stack).count { $0["connected"] == true } == 1
        }
        try await second.proxy.start()
        try await second.proxy.ready()

        try await stack.privateProxy.crash()
        try await Self.expectAllServed(stack, "first proxy killed")
        try await stack.privateProxy.start()
        try await stack.privateProxy.ready()

        let mark = stack.publicNode.lines.count
        try await second.node.crash()
        try await stack.publicNode.line(containing: "stream closed", "peer=private-proxy-1", from: mark)
        try await Self.expectAllServed(stack, "second node killed")
        try await second.node.start()
        try await stack.publicNode.line(containing: "stream open", "peer=private-proxy-1", from: mark)
        try await Self.expectAllServed(stack, "second node back")
      }
    }

    @Test func aFrozenOneCostsAThirdOfTheWaitAndNoClient() async throws {
      let stack = try Stack.ofSuite
      let second = try SecondSide(in: stack, of: SecondSide.instance)
      try await second.run {
        second.proxy.send(SIGSTOP)
        defer { second.proxy.send(SIGCONT) }
        try await Self.expectAllServed(stack, count: 16, "second proxy frozen")
      }
    }

    @Test func anInternalServerThatIsDownMakesAnotherPrivateProxyServe() async throws {
      let stack = try Stack.ofSuite
      let nobody = try FreePorts.take(1)[0]
      let second = try SecondSide(
        in: stack, of: SecondSide.instance, server: "127.0.0.1:\(nobody)", more: "  health: {interval: 0}\n" + Self.metrics)
      try await second.run {
        try await Self.expectAllServed(stack, "second server down")
        #expect(try await Self.notices("second", in: stack) > 0)
        #expect(try await stack.metrics(of: "public")["hyper_notices_retried_total"] ?? 0 > 0)
      }
    }

    @Test func aCleanStopTakesOneOutAtOnce() async throws {
      let stack = try Stack.ofSuite
      let second = try SecondSide(in: stack, of: SecondSide.instance, more: Self.metrics)
      try await second.run {
        let mark = stack.publicProxy.lines.count
        _ = try await second.proxy.stop()
        try await stack.publicProxy.line(containing: "private side stops", from: mark)
        let retried = try await stack.metrics(of: "public")["hyper_notices_retried_total"]
        try await Self.expectAllServed(stack, "second proxy stopped")
        #expect(try await stack.metrics(of: "public")["hyper_notices_retried_total"] == retried)
      }
    }
  }

  /// Two operators that name each other.
  @Suite("shared names") struct SharedNameTests {
    private static func run(sharedWith partners: String, _ test: (Stack, SecondSide) async throws -> Void) async throws {
      let changes: [SettingsChange] = [.append(.privateProxy, "      shared_with: [hd-1]\n"), .metrics(.privateProxy, as: "first")]
      try await Stack.prepared(changes) { stack in
        let second = try SecondSide(
          in: stack, of: SecondSide.otherOperator, announcement: partners, more: "metrics: {bind_address: \"unix:run/second.metrics\"}")
        for program in stack.all { try await program.start() }
        try await stack.ready()
        try await test(stack, second)
      }
    }

    @Test func operatorsThatNameEachOtherServeANameTogether() async throws {
      try await Self.run(sharedWith: ", shared_with: [private-proxy-1]") { stack, second in
        try await second.run {
          let load = try await stack.client("load", "--count", "40")
          #expect(load["failed"] == 0, "\(load)")
          for name in ["first", "second"] { #expect(try await stack.metrics(of: name)["hyper_notices_received_total"] ?? 0 > 0) }
          try await stack.privateProxy.crash()
          let rest = try await stack.client("load", "--count", "40")
          #expect(rest["failed"] == 0, "\(rest)")
        }
      }
    }

    @Test func anOperatorThatDoesNotNameTheOtherIsRefusedInWords() async throws {
      try await Self.run(sharedWith: "") { stack, second in
        try await second.node.start()
        try await second.proxy.start()
        let line = try await second.proxy.line(containing: "announcements not accepted", "409", "held by another operator")
        print(line)
        try await stack.publicProxy.line(containing: "announcement refused", "operator=hd-1", "code=409")
        await second.remove()
      }
    }
  }
}

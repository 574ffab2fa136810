import Operations
import Testing

@Suite(.timeLimit(.minutes(1))) struct PeerConnectionsTests {
  @Test func everyChangeIsAnotherVersionAndNothingElseIs() {
    let connections = PeerConnections()
    let empty = connections.view
    let first = connections.opened(.init(name: "a"))
    #expect(connections.view.peers == [.init(name: "a")])
    #expect(connections.view.version > empty.version)
    let version = connections.view.version
    let second = connections.opened(.init(name: "a"))
    connections.closed(first)
    #expect(connections.view.version == version && connections.view.peers == [.init(name: "a")])
    connections.learned(.init(name: "a", node: "n"), of: second)
    #expect(connections.view.peers == [.init(name: "a", node: "n")])
    connections.closed(second)
    connections.learned(.init(name: "a", node: "m"), of: second)
    #expect(connections.view.peers.isEmpty)
  }

  @Test func whoeverWaitsIsToldOfTheNextChange() async {
    let connections = PeerConnections()
    let version = connections.view.version
    async let next = connections.view(after: version, within: .seconds(60))
    let ticket = connections.opened(.init(name: "a"))
    #expect(await next.peers == [.init(name: "a")])
    connections.closed(ticket)
    // What has changed already is told at once, and so is everything to those who know nothing.
    #expect(await connections.view(after: version, within: .seconds(60)).peers.isEmpty)
    #expect(await connections.view(after: 0, within: .seconds(60)).peers.isEmpty)
  }

  @Test func nobodyWaitsWhileTheProgramStops() async {
    let connections = PeerConnections()
    let view = connections.view
    async let next = connections.view(after: view.version, within: .seconds(60))
    connections.endWaiting()
    #expect(await next == view)
    #expect(await connections.view(after: view.version, within: .seconds(60)) == view)
  }

  @Test func whenNothingChangesTheSameIsToldAgain() async {
    let connections = PeerConnections()
    let view = connections.view
    // The time may be over before the waiter has come to wait for it.
    for _ in 0..<100_000 { #expect(await connections.view(after: view.version, within: .zero) == view) }
  }
}

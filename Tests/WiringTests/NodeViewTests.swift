import HyperModel
import Testing

@testable import Wiring

@Suite struct NodeViewTests {
  @Test func theAnswerOfANodeIsRead() throws {
    let answer: JSONValue = [
      "version": 7, "node": "n0",
      "peers": [["name": "a", "nodes": ["n1", "n2"]], ["name": "b", "nodes": []], ["name": "c"]], "dialable": ["d"],
    ]
    let view = try #require(NodeView(answer))
    #expect(view == NodeView(version: 7, node: "n0", peers: ["a": ["n1", "n2"], "b": [], "c": []], dialable: ["d"]))
    #expect(view.isOurs("a") && !view.isOurs("b") && !view.isOurs("d"))
    #expect(
      view.connections == [
        .init(name: "a", node: "n1"), .init(name: "a", node: "n2"), .init(name: "b"), .init(name: "c"),
      ])
  }

  @Test(arguments: [nil, [:], ["version": 1, "node": "n"], ["version": 1, "node": "n", "peers": [["nodes": []]]]] as [JSONValue?])
  func anythingElseIsNone(answer: JSONValue?) { #expect(NodeView(answer) == nil) }
}

import HyperModel
import Testing

@Suite struct MethodAddresses {
  /// What an existing node makes of these ids.
  @Test(
    "addresses are read as existing nodes read them",
    arguments: [
      ("a.b.c.d.e.f(acdds)", "a.b.c.d.e", "f", "acdds"), (".f(1)", "", "f", "1"), ("x.f(a(b)", "x", "f", "a(b"),
      ("a.b(n:5)", "a", "b", "n:5"),
      ("a..b(1)", "a.", "b", "1"), ("..b(1)", ".", "b", "1"), ("a(x).b(1)", "a(x)", "b", "1"), ("a.b (1)", "a", "b ", "1"),
      ("a. (1)", "a", " ", "1"),
      ("a.b( )", "a", "b", " "), ("a.b\n(1)", "a", "b\n", "1"), ("a.b(1\n2)", "a", "b", "1\n2"), ("ä.ö(ü)", "ä", "ö", "ü"),
      ("a.b((1)", "a", "b", "(1"),
      ("a.b(x.y(1)", "a.b(x", "y", "1"), ("a.b)c(1)", "a", "b)c", "1"), ("A.B(1)", "A", "B", "1"),
      // The last dot would put a newline into the operator, an earlier one does not.
      ("a.b(x\n.y(1)", "a", "b", "x\n.y(1"), ("a.b(1.5)", "a", "b", "1.5"), ("a.b(x\u{301})", "a", "b", "x\u{301}"),
    ])
  func readable(id: String, operatorName: String, method: String, inner: String) throws {
    let address = try #require(MethodAddress(parsing: id))
    #expect(address == MethodAddress(operatorName: OperatorName(operatorName), method: method, inner: inner))
    #expect(Array(address.id.utf8) == Array(id.utf8))
    #expect(address.description == id)
    #expect(address.isReadable)
    #expect(address.methodText == "\(operatorName).\(method)")
  }

  @Test(
    "what is no address is refused",
    arguments: [
      "", ")", "()", ".()", "f(1)", "x.f()", "x.f(a)b)", "a.b(1)(2)", "a.b(1) ", "a\nc.b(1)", "a.b(1)\n", "a.b.(1)", "a.b", "a.b(1",
      "a.b1)", ".(1)",
    ])
  func refused(id: String) {
    #expect(MethodAddress(parsing: id) == nil)
  }

  @Test("an inner id that cannot be inside an address is noticed", arguments: ["", "a)", "a(b)", ")"])
  func unreadable(inner: String) {
    #expect(!MethodAddress(operatorName: "a", method: "b", inner: inner).isReadable)
  }

  @Test("an inner id that changes what an address means is noticed") func ambiguous() {
    #expect(!MethodAddress(operatorName: "a", method: "b", inner: "x.y(1").isReadable)
  }

  @Test("hostile ids take no more than linear time") func hostile() {
    #expect(MethodAddress(parsing: String(repeating: ".", count: 1_000_000) + ")") == nil)
    #expect(MethodAddress(parsing: String(repeating: ".a()", count: 250_000) + ")") == nil)
  }

  @Test(
    "method texts are split at the last dot",
    arguments: [("a.b", "a", "b"), ("a.b.c", "a.b", "c"), (".f", "", "f"), ("a..f", "a.", "f"), ("ä.ö", "ä", "ö")])
  func split(text: String, operatorName: String, method: String) throws {
    let parts = try #require(MethodAddress.split(methodText: text))
    #expect(parts.operatorName == OperatorName(operatorName))
    #expect(parts.method == method)
  }

  @Test("method texts that lead to no address are refused", arguments: ["", "a", "a.", ".", "a.b(c", "a\n.b"])
  func splitRefused(text: String) {
    #expect(MethodAddress.split(methodText: text) == nil)
  }

  @Test("a method text agrees byte for byte only") func agreement() {
    let address = MethodAddress(operatorName: "a.b", method: "caf\u{e9}", inner: "1")
    #expect(address.agrees(withMethodText: "a.b.caf\u{e9}"))
    #expect(!address.agrees(withMethodText: "a.b.cafe\u{301}"))
    #expect(!address.agrees(withMethodText: "a.b.other"))
    #expect(!address.agrees(withMethodText: ""))
  }

  @Test("operator names are compared and ordered byte for byte") func names() {
    #expect(OperatorName("caf\u{e9}") != OperatorName("cafe\u{301}"))
    #expect(OperatorName("a") == "a")
    #expect(OperatorName("a") < OperatorName("b") && OperatorName("B") < OperatorName("a"))
    #expect(Set([OperatorName("caf\u{e9}"), OperatorName("cafe\u{301}"), OperatorName("caf\u{e9}")]).count == 2)
    #expect("\(OperatorName("x"))" == "x")
  }
}

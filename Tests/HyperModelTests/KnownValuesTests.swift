import Testing

@testable import HyperModel

@Suite struct KnownValuesTests {
  private static let first = #"{"name":"a","entry":{"x":[1,2,{"y":"z"}]}}"#
  private static let second = #"{"name":"a","entry":{"x":[1,2,{"y":"w"}]}}"#

  private static func call(_ client: String) -> String { #"{"id":"1","params":{"_client":\#(client),"a":1,"more":{"_client":{"b":2}}}}"# }

  @Test("reads the same with and without knowing, whatever stands where a known text stood")
  func sameValues() throws {
    var known = KnownValues(of: "_client")
    for text in [Self.first, Self.second, "{}", #"{"name":"a"}"#, "null", "5", "[]", #""{""#, Self.first + " ", Self.first] {
      let call = Self.call(text)
      #expect(try JSONValue(parsing: call.utf8, known: &known) == JSONValue(parsing: call))
    }
    #expect(known.version == 4)
  }

  @Test("what is broken behind a known text is refused at the same place", arguments: ["x", "", #""b":1}}"#, "}", #",}}"#])
  func brokenBehind(rest: String) throws {
    var known = KnownValues(of: "_client")
    let head = #"{"params":{"_client":"# + Self.first
    _ = try JSONValue(parsing: (head + "}}").utf8, known: &known)
    let plain = #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: head + rest) }
    let knowing = #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: (head + rest).utf8, known: &known) }
    #expect(plain == knowing)
  }

  @Test("a cut known text is refused") func cut() throws {
    var known = KnownValues(of: "_client")
    _ = try JSONValue(parsing: Self.call(Self.first).utf8, known: &known)
    let head = #"{"params":{"_client":"#
    for length in 0..<Self.first.utf8.count {
      #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: (head + Self.first.prefix(length)).utf8, known: &known) }
    }
  }

  @Test("keeps a bounded number of values of bounded length") func bounds() throws {
    var known = KnownValues(of: "_client")
    let long = #"{"name":"\#(String(repeating: "x", count: KnownValues.textLimit))"}"#
    _ = try JSONValue(parsing: Self.call(long).utf8, known: &known)
    #expect(known.version == 0)
    for number in 0...KnownValues.countLimit { _ = try JSONValue(parsing: Self.call(#"{"n":\#(number)}"#).utf8, known: &known) }
    let learned = known.version
    _ = try JSONValue(parsing: Self.call(#"{"n":1}"#).utf8, known: &known)
    #expect(known.version == learned)
    _ = try JSONValue(parsing: Self.call(#"{"n":0}"#).utf8, known: &known)
    #expect(known.version == learned + 1)
  }
}

import HyperModel
import Testing

@Suite struct RPCIDs {
  @Test(
    "ids take the form of existing nodes and come back with their type",
    arguments: [
      (5, "n:5", 5), (.number(5), "n:5", 5), ("n:5", "nn:5", "n:5"), ("nn:-7", "nnnn:-7", "nn:-7"), ("abc", "abc", "abc"), (-7, "n:-7", -7),
      (0, "n:0", 0),
      (2_147_483_647, "n:2147483647", 2_147_483_647), (-2_147_483_648, "n:-2147483648", -2_147_483_648), ("n:", "n:", "n:"),
      ("n:5x", "n:5x", "n:5x"),
      ("N:5", "N:5", "N:5"), ("n:-0", "nn:-0", "n:-0"), ("n:007", "nn:007", "n:007"), ("nnn:12", "nnnnnn:12", "nnn:12"),
      ("n:-", "n:-", "n:-"),
      ("n:123456789012345678901234567890", "nn:123456789012345678901234567890", "n:123456789012345678901234567890"),
      ("n:123456789012345678901234567890123", "n:123456789012345678901234567890123", "n:123456789012345678901234567890123"),
      ("a(b)", "a(b)", "a(b)"), ("é", "é", "é"), (" ", " ", " "), (":5", ":5", ":5"), ("n", "n", "n"),
    ] as [(JSONValue, String, JSONValue)])
  func given(id: JSONValue, inner: String, back: JSONValue) throws {
    #expect(RPCID.read(id) == .given(RPCID(inner: inner)))
    #expect(RPCID(inner: inner).json == back)
  }

  @Test("no id, null and the empty string are absent") func absent() {
    #expect(RPCID.read(nil) == .absent)
    #expect(RPCID.read(.null) == .absent)
    #expect(RPCID.read("") == .absent)
  }

  @Test(
    "other values are refused",
    arguments: [2_147_483_648, -2_147_483_649, 1.5, true, [], [:], .number(1e300), .string(String(repeating: "a", count: 1025))]
      as [JSONValue])
  func refused(id: JSONValue) {
    #expect(RPCID.read(id) == .refused)
  }

  @Test("the limit counts bytes") func limit() {
    let longest = String(repeating: "ä", count: 512)
    #expect(RPCID.read(.string(longest)) == .given(RPCID(inner: longest)))
    #expect(RPCID.read(.string(longest + "a")) == .refused)
  }

  @Test("inner forms that no id has come back as strings", arguments: ["nnn:5", "n:99999999999999999999"])
  func foreign(inner: String) {
    #expect(RPCID(inner: inner).json == .string(inner))
  }
}

import HyperModel
import Testing

@Suite struct JSONWriting {
  @Test(
    "values are written compactly with sorted keys",
    arguments: [
      (.null, "null"), (true, "true"), (-5, "-5"), (.number(5), "5"), (1.5, "1.5"), (.number(1e300), "1e+300"), (.number(-0.0), "0"),
      (.number(.nan), "null"), (.number(.infinity), "null"), (.number(0.1), "0.1"),
      (["b": 1, "a": [], "C": [:]], #"{"C":{},"a":[],"b":1}"#),
      ([1, "x", nil], #"[1,"x",null]"#), ("a\"\\/\n\r\t\u{1}\u{1f}\u{7f}ä😀", #""a\"\\/\n\r\t\u0001\u001f"# + "\u{7f}ä😀\""),
    ] as [(JSONValue, String)])
  func texts(value: JSONValue, expected: String) {
    #expect(value.text == expected)
    #expect(value.serialized() == Array(expected.utf8))
  }

  @Test("what was written is read back") func roundTrip() throws {
    let value: JSONValue = [
      "text": "line\nquote\" tab\t nul\0 😀", "list": [1, -1, 2.25, true, false, nil, [], [:]], "min": .integer(.min),
      "": ["nested": ["deep": "x"]],
    ]
    #expect(try JSONValue(parsing: value.serialized()) == value)
  }

  @Test("the accessors see whole numbers however they arrived") func accessors() throws {
    #expect(try JSONValue(parsing: "5.0").integer == 5)
    #expect(try JSONValue(parsing: "5").double == 5)
    #expect(try JSONValue(parsing: "5.5").integer == nil)
    #expect(try JSONValue(parsing: "1e300").integer == nil)
    #expect(JSONValue.string("5").integer == nil)
    #expect(JSONValue.null.isNull && !JSONValue.bool(false).isNull)
    let object: JSONValue = ["a": ["b": true]]
    #expect(object["a"]?["b"]?.bool == true)
    #expect(object["x"] == nil)
    #expect(JSONValue.integer(1)["a"] == nil)
  }

  @Test(
    "values that are no objects travel in one",
    arguments: [
      (["a": 1], ["a": 1], ["a": 1]), (nil, [:], [:]), ("ok", ["_": "ok"], "ok"), ([nil], ["_": [nil]], [nil]), (5, ["_": 5], 5),
      // An object that looks like a wrapper cannot be told from one.
      (["_": 1], ["_": 1], 1), (["_": 1, "a": 2], ["_": 1, "a": 2], ["_": 1, "a": 2]),
    ] as [(JSONValue, [String: JSONValue], JSONValue)])
  func mesh(value: JSONValue, wrapped: [String: JSONValue], back: JSONValue) {
    #expect(value.wrappedForMesh == wrapped)
    #expect(JSONValue.object(wrapped).unwrappedFromMesh == back)
  }
}

import Testing

@testable import Settings

@Suite struct JSONTests {
  func json(_ text: String) throws -> String { try tree(text, named: "a.json") }

  @Test func everyKindOfValueIsRead() throws {
    #expect(
      try json(#" { "a" : [ 1 , -0 , 2.5 , 1e2 , 9223372036854775808 ] , "b": {"c": null, "d": true, "e": false}, "f": [], "g": {} } "#)
        == "{a: [1, 0, 2.5, 100.0, 9.223372036854776e+18], b: {c: null, d: true, e: false}, f: [], g: {}}")
  }

  @Test func escapesAreDecoded() throws {
    let value = try readJSON(#""\"\\\/\b\f\n\r\t\u00fC\uD83D\uDE00ü""#, file: "x")
    #expect(value.content == .string("\"\\/\u{8}\u{C}\n\r\tü😀ü"))
  }

  @Test func valuesAndKeysKnowWhereTheyWereWritten() throws {
    let loaded = try Folder(["a.json": "{\n  \"ü\": 1, \"b\": [true,\r\n\t\"x\"]\n}"]).load()
    #expect(place(loaded, "ü") == "a.json:2:8")
    #expect(place(loaded, "b") == "a.json:2:16")
    #expect(place(loaded, "b.1") == "a.json:3:2")
    #expect(loaded.root.members?.last?.position.description == "a.json:2:11")
  }

  @Test(arguments: [
    ("", #"1:1: not valid JSON: expected a value, found the end"#),
    ("{", #"1:2: not valid JSON: expected a key in quotes, found the end"#),
    ("{,}", #"1:2: not valid JSON: expected a key in quotes, found ",""#),
    (#"{"a" 1}"#, #"1:6: not valid JSON: expected ":", found "1""#),
    (#"{"a":1 "b""#, #"1:8: not valid JSON: expected "," or "}", found "\"""#),
    (#"{"a":1,}"#, #"1:8: not valid JSON: expected a key in quotes, found "}""#),
    (#"{"a":[1,]}"#, #"1:9: not valid JSON: expected a value, found "]""#),
    (#"{"a":[1 2]}"#, #"1:9: not valid JSON: expected "," or "]", found "2""#),
    (#"{"a":1} x"#, #"1:9: not valid JSON: expected the end, found "x""#),
    (#"{"a":tru}"#, #"1:6: not valid JSON: expected a value, found "t""#),
    (#"{"a":01}"#, #"1:7: not valid JSON: expected "," or "}", found "1""#),
    (#"{"a":-}"#, #"1:7: not valid JSON: expected a digit, found "}""#),
    (#"{"a":1.}"#, #"1:8: not valid JSON: expected a digit, found "}""#),
    (#"{"a":1e}"#, #"1:8: not valid JSON: expected a digit, found "}""#),
    (#"{"a":1e999}"#, #"1:6: not valid JSON: expected a number within the range of a double, found "1""#),
    (#"{"a":"x"#, #"1:8: not valid JSON: expected " at the end of the string, found the end"#),
    ("{\"a\":\"\n\"}", #"1:7: not valid JSON: expected no control character inside a string, found "\n""#),
    (#"{"a":"\x"}"#, #"1:8: not valid JSON: expected an escape, found "x""#),
    (#"{"a":"\u12G4"}"#, #"1:11: not valid JSON: expected four hex digits, found "G""#),
    (#"{"a":"\uD83D"}"#, #"1:13: not valid JSON: expected the second half of a surrogate pair, found "\"""#),
    (#"{"a":"\uD83DA"}"#, #"1:13: not valid JSON: expected the second half of a surrogate pair, found "A""#),
    (#"{"a":"\uDE00"}"#, #"1:13: not valid JSON: expected the second half of a surrogate pair, found "\"""#),
    (#"{"a":1,"b":2,"a":3}"#, #"1:14: the key "a" stands twice in this map"#),
    ("{\"a\":1}\n// x", #"2:1: not valid JSON: expected the end, found "/""#),
  ])
  func whatIsNoJSONIsRefusedWithItsPlace(text: String, message: String) throws {
    #expect(try problems(text, named: "a.json") == ["a.json:\(message)"])
  }

  @Test func everyPrefixOfAFileIsRefusedWithoutACrash() throws {
    let text = Array(#"{"a":[1,-2.5e+3,true,null],"b":{"c":"\u00fc\uD83D\uDE00\n"}}"#.unicodeScalars)
    for length in 0..<text.count {
      var prefix = ""
      prefix.unicodeScalars.append(contentsOf: text[..<length])
      #expect(throws: ParseFailure.self) { try readJSON(prefix, file: "x") }
    }
  }
}

import HyperModel
import Testing

@Suite struct JSONParsing {
  @Test(
    "values of every kind are read",
    arguments: [
      ("null", .null), ("true", true), (" false\n", false), ("0", 0), ("-0", 0), ("-17", -17), ("9223372036854775807", .integer(.max)),
      ("-9223372036854775808", .integer(.min)), ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("1.5", 1.5),
      ("5.0", .number(5)),
      ("1e2", .number(100)), ("-2.5E-1", -0.25), ("1E+2", .number(100)), ("\"\"", ""), ("\"ä€😀\"", "ä€😀"), ("[]", []), ("[ ]", []),
      ("{}", [:]),
      ("{ }", [:]), ("[1,[2, {\"a\" : null}]]", [1, [2, ["a": nil]]]), ("\t\r\n {\"a\":1 , \"b\":[true]} \t", ["a": 1, "b": [true]]),
    ] as [(String, JSONValue)])
  func values(text: String, expected: JSONValue) throws {
    #expect(try JSONValue(parsing: text) == expected)
  }

  @Test(
    "escapes in strings are read",
    arguments: [
      (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"), (#""\u0041\u00e4\u20AC""#, "Aä€"), (#""x\u0000y""#, "x\0y"),
      (#""\ud83d\ude00!""#, "😀!"),
      // Lone and misplaced surrogates.
      (#""\ud83d""#, "\u{fffd}"), (#""\ud83dx""#, "\u{fffd}x"), (#""\ud83d\n""#, "\u{fffd}\n"), (#""\ude00""#, "\u{fffd}"),
      (#""\ud83d\u0041""#, "\u{fffd}A"), (#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"), (#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
    ])
  func escapes(text: String, expected: String) throws {
    #expect(try JSONValue(parsing: text) == .string(expected))
  }

  @Test("of duplicate keys the last wins") func duplicateKeys() throws {
    #expect(try JSONValue(parsing: #"{"a":1,"b":2,"a":3}"#) == ["a": 3, "b": 2])
    #expect(try JSONValue(parsing: #"{"a":1,"\u0061":null}"#) == ["a": nil])
  }

  @Test("the empty string is a key") func emptyKey() throws {
    #expect(try JSONValue(parsing: #"{"":1}"#) == ["": 1])
  }

  typealias Reason = JSONSyntaxError.Reason

  @Test(
    "what is not JSON is refused, with the place",
    arguments: [
      ("", 0, .unexpectedEnd), ("  ", 2, .unexpectedEnd), ("nul", 3, .unexpectedEnd), ("nule", 3, .unexpectedByte(UInt8(ascii: "e"))),
      ("nonsense", 1, .unexpectedByte(UInt8(ascii: "o"))), ("1 2", 2, .trailingBytes), ("{}x", 2, .trailingBytes),
      ("[1", 2, .unexpectedEnd),
      ("[1,", 3, .unexpectedEnd), ("[1,]", 3, .unexpectedByte(UInt8(ascii: "]"))), ("[1 2]", 3, .unexpectedByte(UInt8(ascii: "2"))),
      ("[,1]", 1, .unexpectedByte(UInt8(ascii: ","))), ("{\"a\"}", 4, .unexpectedByte(UInt8(ascii: "}"))),
      ("{\"a\":}", 5, .unexpectedByte(UInt8(ascii: "}"))),
      ("{\"a\":1,}", 7, .unexpectedByte(UInt8(ascii: "}"))), ("{a:1}", 1, .unexpectedByte(UInt8(ascii: "a"))),
      ("{1:1}", 1, .unexpectedByte(UInt8(ascii: "1"))),
      ("{\"a\":1]", 6, .unexpectedByte(UInt8(ascii: "]"))), ("'a'", 0, .unexpectedByte(UInt8(ascii: "'"))), ("01", 1, .trailingBytes),
      ("-", 1, .unexpectedEnd),
      ("-a", 1, .unexpectedByte(UInt8(ascii: "a"))), ("+1", 0, .unexpectedByte(UInt8(ascii: "+"))),
      (".5", 0, .unexpectedByte(UInt8(ascii: "."))),
      ("1.", 2, .unexpectedEnd), ("1.e5", 2, .unexpectedByte(UInt8(ascii: "e"))), ("1e", 2, .unexpectedEnd), ("1e+", 3, .unexpectedEnd),
      ("1e999", 0, .numberOutOfRange), ("[-1e999]", 1, .numberOutOfRange), ("NaN", 0, .unexpectedByte(UInt8(ascii: "N"))),
      ("\"abc", 4, .unexpectedEnd),
      ("\"a\\", 3, .unexpectedEnd), (#""\x""#, 1, .invalidEscape), (#""a\u12g4""#, 2, .invalidEscape), (#""\u12"#, 5, .unexpectedEnd),
      ("\"a\nb\"", 2, .unescapedControlCharacter), ("\"\0\"", 1, .unescapedControlCharacter), ("\u{feff}1", 0, .unexpectedByte(0xef)),
    ] as [(String, Int, Reason)])
  func refusals(text: String, offset: Int, reason: Reason) {
    #expect(throws: JSONSyntaxError(offset: offset, reason: reason)) { try JSONValue(parsing: text) }
  }

  @Test(
    "bytes that are not UTF-8 are refused at their place",
    arguments: [
      ([0x22, 0x41, 0xff, 0x22], 2), ([0x22, 0xc3, 0x22], 1), ([0x22, 0xc0, 0x80, 0x22], 1), ([0x22, 0xed, 0xa0, 0x80, 0x22], 1),
      ([0x22, 0x80, 0x22], 1),
      ([0x22, 0xf5, 0x80, 0x80, 0x80, 0x22], 1), ([0x22, 0xc3, 0xa4, 0xe2, 0x82, 0x22], 3),
      ([0x22, 0x5c, 0x6e, 0xc3, 0x5c, 0x6e, 0x22], 3),
    ] as [([UInt8], Int)])
  func invalidUTF8(bytes: [UInt8], offset: Int) {
    #expect(throws: JSONSyntaxError(offset: offset, reason: .invalidUTF8)) { try JSONValue(parsing: bytes) }
  }

  @Test("nesting is allowed up to the limit and refused beyond it") func depth() throws {
    let deep = String(repeating: "[", count: 128) + String(repeating: "]", count: 128)
    _ = try JSONValue(parsing: deep)
    #expect(throws: JSONSyntaxError(offset: 128, reason: .tooDeep)) { try JSONValue(parsing: "[\(deep)]") }
    #expect(throws: JSONSyntaxError(offset: 5, reason: .tooDeep)) { try JSONValue(parsing: "{\"a\":[]}", depthLimit: 1) }
    // Lists beside each other do not add up.
    #expect(try JSONValue(parsing: "[[],[],[[]]]", depthLimit: 3) == [[], [], [[]]])
    #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: String(repeating: "[", count: 1_000_000)) }
  }

  @Test("no prefix of a text is a text") func prefixes() {
    let text = Array(#"{"k":[1.5e3,"ä\u00e4\ud83d\ude00",true,null,{"x":-1}]}"#.utf8)
    for length in 0..<text.count {
      #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text[..<length]) }
    }
    #expect(throws: Never.self) { try JSONValue(parsing: text) }
  }

  @Test("one changed byte never traps and what is still read can be written and read again") func mutations() throws {
    let text = Array(#"{"k":[1.5e3,"ä\u00e4\ud83d\ude00",true,null,{"x":-1,"":false}],"big":12345678901234567890}"#.utf8)
    var read = 0
    for index in text.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = text
        changed[index] = byte
        guard let value = try? JSONValue(parsing: changed) else { continue }
        read += 1
        let again = try JSONValue(parsing: value.serialized())
        #expect(again.serialized() == value.serialized())
      }
    }
    #expect(read > text.count)
  }

  @Test("errors say what and where") func descriptions() {
    #expect(JSONSyntaxError(offset: 3, reason: .unexpectedByte(UInt8(ascii: "}"))).description == "unexpected '}' at byte 3")
    #expect(JSONSyntaxError(offset: 0, reason: .unexpectedByte(7)).description == "unexpected byte 0x07 at byte 0")
    #expect(JSONSyntaxError(offset: 9, reason: .unexpectedEnd).description == "the text ends inside a value at byte 9")
  }
}

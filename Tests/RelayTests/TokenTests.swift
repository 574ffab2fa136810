import Testing

@testable import Relay

struct TokenTests {
  @Test func aTokenHasExactly32Bytes() throws {
    let bytes = (0..<32).map { UInt8($0) }
    #expect(try #require(Token(bytes: bytes)).bytes == bytes)
    #expect(Token(bytes: bytes.dropLast()) == nil)
    #expect(Token(bytes: bytes + [0]) == nil)
    #expect(Token(bytes: []) == nil)
  }

  @Test func aTokenShowsNothingOfItself() throws {
    let token = try #require(Token(bytes: [UInt8](repeating: 171, count: 32)))
    var dumped = ""
    dump(token, to: &dumped)
    for text in ["\(token)", String(reflecting: token), "\([token])", dumped] {
      #expect(!text.contains("171") && !text.lowercased().contains("ab"))
    }
  }

  @Test func tokensAreEqualWhenAllBytesAre() throws {
    let bytes = (0..<32).map { UInt8($0) }
    let token = try #require(Token(bytes: bytes))
    #expect(token == Token(bytes: bytes))
    for index in 0..<32 {
      var other = bytes
      other[index] ^= 0x80
      #expect(token != Token(bytes: other))
    }
  }

  @Test(arguments: [1, 2, 3, 7, 256]) func aTokenLeadsToItsLoop(loops: Int) {
    var generator = SystemRandomNumberGenerator()
    for loop in 0..<loops {
      let token = Token.random(for: loop, of: loops, using: &generator)
      #expect(token.owner(of: loops) == loop)
      #expect(Int(token.bytes[0]) % loops == loop)
    }
  }

  @Test func aTokenIsGoodForOneClientOnce() throws {
    var table = TokenTable()
    let token = try #require(Token(bytes: (0..<32).map { UInt8($0) }))
    #expect(table.take(token) == nil)
    #expect(table.insert(token, for: 5) == true)
    #expect(table.insert(token, for: 6) == false)
    #expect(table.take(token) == 5)
    #expect(table.take(token) == nil)
    #expect(table.count == 0)
  }

  @Test func aTokenThatIsHalfRightUsesUpNothing() throws {
    var table = TokenTable()
    let bytes = (0..<32).map { UInt8($0) }
    let token = try #require(Token(bytes: bytes))
    #expect(table.insert(token, for: 5) == true)
    for index in 0..<32 {
      var wrong = bytes
      wrong[index] ^= 1
      #expect(table.take(try #require(Token(bytes: wrong))) == nil)
    }
    #expect(table.take(token) == 5)
  }

  @Test func aTokenWhoseClientIsGoneIsForgotten() throws {
    var table = TokenTable()
    let token = try #require(Token(bytes: [UInt8](repeating: 1, count: 32)))
    #expect(table.insert(token, for: 5) == true)
    table.remove(TokenTable.Key(token))
    #expect(table.take(token) == nil)
  }
}

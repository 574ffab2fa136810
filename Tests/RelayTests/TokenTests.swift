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

  private func token(_ first: UInt8) throws -> Token { try #require(Token(bytes: (0..<32).map { UInt8($0) &+ first })) }

  @Test func aTokenIsGoodForOneClientOnce() throws {
    var table = TokenTable()
    let token = try token(0)
    #expect(table.slot(waitingFor: token) == nil)
    #expect(table.insert(token, for: 5) == true)
    #expect(table.insert(token, for: 6) == false)
    #expect(table.slot(waitingFor: token) == 5)
    table.removeAll(endingWith: TokenTable.Key(token))
    #expect(table.slot(waitingFor: token) == nil)
    #expect(table.count == 0)
  }

  @Test func aTokenThatIsHalfRightIsNone() throws {
    var table = TokenTable()
    let bytes = (0..<32).map { UInt8($0) }
    let token = try #require(Token(bytes: bytes))
    #expect(table.insert(token, for: 5) == true)
    for index in 0..<32 {
      var wrong = bytes
      wrong[index] ^= 1
      #expect(table.slot(waitingFor: try #require(Token(bytes: wrong))) == nil)
    }
    #expect(table.slot(waitingFor: token) == 5)
  }

  @Test func allTokensOfAClientAreForgottenTogetherAndNobodyElses() throws {
    var table = TokenTable()
    let tokens = try [0, 50, 100].map { try token($0) }
    let other = try token(200)
    #expect(table.insert(other, for: 6) == true)
    var last: TokenTable.Key?
    for token in tokens {
      #expect(table.insert(token, for: 5, after: last) == true)
      last = TokenTable.Key(token)
    }
    #expect(tokens.map { table.slot(waitingFor: $0) } == [5, 5, 5])
    table.removeAll(endingWith: try #require(last))
    #expect(tokens.map { table.slot(waitingFor: $0) } == [nil, nil, nil])
    #expect(table.slot(waitingFor: other) == 6)
    #expect(table.count == 1)
  }
}

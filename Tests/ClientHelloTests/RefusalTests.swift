import ClientHello
import Testing

/// One test per refusal, each with the alert the client gets.
@Suite struct RefusalTests {
  private func expectRefusal(
    _ bytes: [UInt8], _ reason: HelloRefusal.Reason, _ alert: TLSAlert?, at location: SourceLocation = #_sourceLocation
  ) {
    let expected = HelloVerdict.refused(HelloRefusal(reason))
    #expect(readVerdict(on: bytes) == expected, sourceLocation: location)
    #expect(HelloRefusal(reason).alert == alert, sourceLocation: location)
    // The answer does not depend on the segments.
    #expect(readVerdict(on: bytes, cutAt: Array(bytes.indices)) == expected, sourceLocation: location)
  }

  private func expectRefusal(
    _ hello: HelloBuilder, _ reason: HelloRefusal.Reason, _ alert: TLSAlert?, at location: SourceLocation = #_sourceLocation
  ) {
    expectRefusal(hello.bytes, reason, alert, at: location)
    // Nor on the records.
    expectRefusal(records(hello.message, size: 7), reason, alert, at: location)
  }

  // MARK: Not TLS

  @Test(arguments: ["GET / HTTP/1.1\r\n", "POST /jsonrpc", "OPTIONS *", "PRI * HTTP/2.0", "CONNECT a:443"])
  func plainHTTPIsNotTLS(_ text: String) {
    expectRefusal(Array(text.utf8), .plainHTTP, nil)
  }

  @Test func sshIsNotTLS() { expectRefusal(Array("SSH-2.0-OpenSSH_9.2\r\n".utf8), .ssh, nil) }

  @Test func proxyHeadersAreNotTLS() {
    expectRefusal(Array("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n".utf8), .proxyProtocol, nil)
    expectRefusal([0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11], .proxyProtocol, nil)
  }

  @Test func anSSL2HelloIsNamed() {
    expectRefusal([0x80, 0x2E, 0x01, 0x00, 0x02, 0x00, 0x15], .sslv2, nil)
    expectRefusal([0x80, 0x55, 0x01, 0x03, 0x01, 0x00, 0x3C], .sslv2, nil)
  }

  @Test(
    arguments: [
      [0x00], [0xFF, 0xFF, 0xFF], [0x16, 0x02, 0x00], [0x17, 0x47], [0x80, 0x2E, 0x01, 0x07, 0x07], Array("GETTY".utf8),
      Array("PROST".utf8), Array("EHLO example".utf8),
    ] as [[UInt8]])
  func anythingElseIsJustNotTLS(_ bytes: [UInt8]) { expectRefusal(bytes, .notTLS, nil) }

  @Test func aBeginningThatCouldStillBecomeSomethingNeedsMore() {
    for text in ["G", "GET", "P", "PRO", "SSH"] { #expect(readVerdict(on: Array(text.utf8)) == .needMore) }
    for bytes in [[], [0x80], [0x80, 0x2E], [0x80, 0x2E, 1], [0x80, 0x2E, 1, 3], [22], [21]] as [[UInt8]] {
      #expect(readVerdict(on: bytes) == .needMore)
    }
  }

  // MARK: Records

  @Test(arguments: [20, 21, 23, 24] as [UInt8])
  func anotherContentTypeIsRefusedFirstAndInTheMiddle(_ type: UInt8) {
    expectRefusal(record([1, 2], type: type), .unexpectedContentType, .unexpectedMessage)
    let message = HelloBuilder().message
    expectRefusal(
      record(message[..<10]) + record([1], type: type) + record(message[10...]), .unexpectedContentType, .unexpectedMessage)
  }

  @Test func anUnknownContentTypeInTheMiddleIsRefused() {
    expectRefusal(record(HelloBuilder().message[..<10]) + [0x47], .unexpectedContentType, .unexpectedMessage)
  }

  @Test func anotherMajorVersionInTheMiddleIsRefused() {
    expectRefusal(record(HelloBuilder().message[..<10]) + [22, 2, 0, 0, 1, 0], .recordVersionChanged, .decodeError)
  }

  @Test func anEmptyRecordIsRefusedFirstAndInTheMiddle() {
    expectRefusal([22, 3, 1, 0, 0], .emptyRecord, .unexpectedMessage)
    let message = HelloBuilder().message
    expectRefusal(record(message[..<10]) + record([]) + record(message[10...]), .emptyRecord, .unexpectedMessage)
  }

  @Test func aRecordOver16KiBIsRefused() {
    expectRefusal([22, 3, 1, 0x40, 0x01], .recordTooLong, .recordOverflow)
    #expect(readVerdict(on: [22, 3, 1, 0x40, 0x00]) == .needMore)
  }

  @Test func anotherHandshakeMessageIsRefused() {
    expectRefusal(records(handshake(2, [1, 2, 3])), .notClientHello, .unexpectedMessage)
  }

  @Test func dataBehindTheHelloInItsRecordIsRefused() {
    let message = HelloBuilder().message
    expectRefusal(records(message + [0]), .trailingHandshakeData, .unexpectedMessage)
    expectRefusal(records(message + message), .trailingHandshakeData, .unexpectedMessage)
    expectRefusal(record(message[..<9]) + record((message + [0])[9...]), .trailingHandshakeData, .unexpectedMessage)
  }

  @Test func aMessageOverTheBoundIsRefused() {
    expectRefusal([22, 3, 1, 0x40, 0, 1, 0xFF, 0xFF, 0xFF], .messageTooLong, .decodeError)
    #expect(HelloRefusal(.tooManyBytes).alert == .accessDenied)
  }

  // MARK: The message

  @Test func aMessageThatEndsTooEarlyIsRefused() {
    var builder = HelloBuilder()
    builder.extensions = nil
    let body = builder.body
    for end in 0..<body.count {
      let bytes = records(handshake(1, Array(body[..<end])))
      guard case .refused(let refusal) = readVerdict(on: bytes) else {
        Issue.record("a body of \(end) bytes was not refused")
        continue
      }
      #expect(refusal.alert == .decodeError)
    }
    expectRefusal(records(handshake(1, Array(body[..<20]))), .truncatedMessage, .decodeError)
  }

  @Test(arguments: [0x0300, 0x0200, 0x0002, 0x0000] as [UInt16])
  func ssl3AndOlderAreRefused(_ version: UInt16) {
    var builder = HelloBuilder()
    builder.legacyVersion = version
    expectRefusal(builder, .versionTooOld, .protocolVersion)
  }

  @Test func supportedVersionsWithNothingAboveSSL3AreRefused() {
    expectRefusal(HelloBuilder.with((43, vector8([0x0A, 0x0A, 0x03, 0x00]))), .versionTooOld, .protocolVersion)
    #expect(readFacts(of: HelloBuilder.with((43, vector8([0x03, 0x00, 0x03, 0x01]))).bytes)?.highestVersion == .tls10)
  }

  @Test func aSessionIDOf33BytesIsRefused() {
    var builder = HelloBuilder()
    builder.sessionID = Array(repeating: 1, count: 33)
    expectRefusal(builder, .sessionIDTooLong, .decodeError)
    builder.sessionID = []
    #expect(readFacts(of: builder.bytes) != nil)
  }

  @Test(arguments: [[0x13], [0x13, 1, 2]] as [[UInt8]])
  func halfCipherSuitesAreRefused(_ suites: [UInt8]) {
    var builder = HelloBuilder()
    builder.cipherSuites = suites
    expectRefusal(builder, .badCipherSuites, .decodeError)
  }

  @Test func extensionsThatDoNotFillTheRestAreRefused() {
    var builder = HelloBuilder()
    builder.extensions = nil
    for tail in [[0], [0, 1], [0, 4, 0, 0, 0, 0, 0], [0, 3, 0, 0, 0, 0]] as [[UInt8]] {
      expectRefusal(records(handshake(1, builder.body + tail)), .extensionsLength, .decodeError)
    }
  }

  @Test func anExtensionThatOverrunsIsRefused() {
    var builder = HelloBuilder()
    builder.extensions = nil
    for block in [[0], [0, 0], [0, 0, 0], [0, 0, 0, 1], [0x33, 0, 0, 2, 1], [0x33, 0, 0, 0, 9]] as [[UInt8]] {
      expectRefusal(records(handshake(1, builder.body + vector16(block))), .extensionOverrun, .decodeError)
    }
  }

  @Test(arguments: [0, 16, 43, 0x1A1A, 0xFFFF] as [UInt16])
  func anExtensionThatOccursTwiceIsRefused(_ type: UInt16) {
    var builder = HelloBuilder()
    builder.extensions?.append((0xFFFF, [1]))
    builder.extensions?.append((type, [0, 0]))
    expectRefusal(builder, .duplicateExtension, .illegalParameter)
  }

  @Test func preSharedKeyBeforeAnotherExtensionIsRefused() {
    expectRefusal(HelloBuilder.with((41, [1, 2]), (45, [1, 1])), .preSharedKeyNotLast, .illegalParameter)
  }

  @Test(arguments: [[], [0], [1, 3], [3, 3, 4, 3], [2, 3, 4, 3], [4, 3, 4]] as [[UInt8]])
  func wrongSupportedVersionsAreRefused(_ data: [UInt8]) {
    expectRefusal(HelloBuilder.with((43, data)), .badSupportedVersions, .decodeError)
  }

  @Test(arguments: [[], [0], [0, 0], [0, 1, 0], [0, 2, 2, 97], [0, 3, 1, 97], [0, 2, 1, 97, 98], [0, 3, 1, 97, 0]] as [[UInt8]])
  func aWrongProtocolListIsRefused(_ data: [UInt8]) {
    expectRefusal(HelloBuilder.with((16, data)), .badALPN, .decodeError)
  }

  // MARK: The server name

  @Test(
    arguments: [
      [], [0], [0, 0], [0, 1, 0], [0, 3, 0, 0, 1], [0, 4, 0, 0, 2, 97], [0, 5, 0, 0, 1, 97], [0, 4, 0, 0, 1, 97, 98],
      [0, 5, 0, 0, 1, 97, 9], [0, 2, 7, 0],
    ] as [[UInt8]])
  func aWrongServerNameListIsRefused(_ data: [UInt8]) {
    expectRefusal(HelloBuilder.with((0, data)), .badServerNameList, .decodeError)
  }

  @Test func twoNamesOfOneTypeAreRefused() {
    let host: [UInt8] = [0] + vector16(Array("a.example".utf8))
    let unknown: [UInt8] = [9] + vector16([1])
    expectRefusal(HelloBuilder.with((0, vector16(host + host))), .duplicateNameType, .illegalParameter)
    expectRefusal(HelloBuilder.with((0, vector16(unknown + host + unknown))), .duplicateNameType, .illegalParameter)
  }

  @Test func anEmptyNameIsRefused() {
    expectRefusal(HelloBuilder.naming([]), .emptyName, .decodeError)
  }

  @Test func aNameOver253BytesIsRefused() {
    let name = Array(repeating: Array("aaaaaaa.".utf8), count: 32).joined().dropLast(2)
    #expect(name.count == 254)
    expectRefusal(HelloBuilder.naming(Array(name)), .nameTooLong, .illegalParameter)
    expectRefusal(HelloBuilder.naming(Array(repeating: 0x61, count: 60_000)), .nameTooLong, .illegalParameter)
  }

  @Test(arguments: [".", "..", ".a", "a..b", "-a.example", "a-.example", "a.-", String(repeating: "a", count: 64) + ".example"])
  func labelsThatAreNoneAreRefused(_ name: String) {
    let reason: HelloRefusal.Reason = name.hasSuffix(".") ? .trailingDot : .badLabel
    expectRefusal(HelloBuilder(name: name), reason, .illegalParameter)
  }

  @Test(arguments: [0x00, 0x20, 0x2F, 0x2A, 0x3A, 0x40, 0x5B, 0x60, 0x7B, 0x7F, 0x80, 0xC3, 0xFF] as [UInt8])
  func bytesNoHostNameHasAreRefused(_ byte: UInt8) {
    expectRefusal(HelloBuilder.naming(Array("a".utf8) + [byte] + Array("b.example".utf8)), .badNameByte, .illegalParameter)
  }

  @Test func aTrailingDotIsRefused() {
    expectRefusal(HelloBuilder(name: "www.example.org."), .trailingDot, .illegalParameter)
  }

  @Test(arguments: [
    "192.0.2.1", "127.1", "3232235777", "0x7f.1", "0xC0000201", "a.example.0x", "::1", "2001:db8::1", "[2001:db8::1]", "fe80::1%eth0",
    "::ffff:192.0.2.1",
  ])
  func addressesAreRefused(_ name: String) {
    expectRefusal(HelloBuilder(name: name), .addressLiteral, .illegalParameter)
  }
}

/// Follows the record layer (RFC 8446 5.1) until one whole handshake message, which must be a ClientHello, is there.
///
/// Remembers where the current record starts and what the message header said, so that each call looks at new bytes only.
struct RecordScanner: Sendable {
  /// A complete message and what carried it.
  struct Packing: Equatable {
    var messageBytes: Int
    var rawBytes: Int
    var recordCount: Int

    /// The message without the headers of its records, whose lengths have been checked.
    func message(in received: RawSpan) -> [UInt8] {
      Array(unsafeUninitializedCapacity: messageBytes) { buffer, count in
        var start = 0
        while start < rawBytes {
          let fragment = start + RecordScanner.recordHeaderBytes
          let end = fragment + received.pair(at: start + 3)
          received.extracting(fragment..<end).withUnsafeBytes {
            UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...]).copyMemory(from: $0)
          }
          count += end - fragment
          start = end
        }
      }
    }
  }

  static let recordHeaderBytes = 5
  static let messageHeaderBytes = 4
  /// RFC 8446 5.1: the length of a plaintext fragment must not exceed 2^14.
  static let maximumFragmentBytes = 1 << 14

  private enum State: Sendable {
    /// The record header at `start` is not complete. Moves to `fragment`.
    case header(start: Int)
    /// Inside a fragment; `next` is the first byte not looked at. Moves to `header` or `complete`.
    case fragment(next: Int, end: Int)
    /// The message ended with the record that ends at `end`. Final.
    case complete(end: Int)
  }

  let limits: HelloLimits
  private var state = State.header(start: 0)
  private var recordCount = 0
  /// Message bytes in the records before the current one.
  private var messageBytesBefore = 0
  private var fragmentBytes = 0
  private var messageHeaderSeen = 0
  /// The three length bytes of the message header, as far as they have been seen.
  private var declaredBytes = 0

  init(limits: HelloLimits) {
    self.limits = limits
  }

  /// The length, header included, of the one record that holds the whole message and is all there: so come nearly all hellos, and it is known
  /// at a glance. Nil when it is another packing or no hello, which is for ``scan(_:)`` to find out.
  @inline(__always)
  static func oneRecord(in received: RawSpan, limits: HelloLimits) -> Int? {
    guard received.byteCount >= recordHeaderBytes + messageHeaderBytes, received.byte(at: 0) == ContentType.handshake,
      received.byte(at: 1) == 3, received.byte(at: 5) == HandshakeType.clientHello
    else { return nil }
    let messageBytes = received.pair(at: 3)
    let rawBytes = recordHeaderBytes + messageBytes
    guard messageBytes == messageHeaderBytes + Int(received.byte(at: 6)) << 16 + received.pair(at: 7),
      messageBytes <= min(maximumFragmentBytes, limits.messageBytes), rawBytes <= min(limits.rawBytes, received.byteCount)
    else { return nil }
    return rawBytes
  }

  /// Looks at what is new; nil means more bytes are needed.
  mutating func scan(_ received: RawSpan) throws(HelloRefusal) -> Packing? {
    while true {
      switch state {
      case .header(let start):
        guard let fragment = try readRecordHeader(received, at: start) else { return nil }
        recordCount += 1
        fragmentBytes = fragment.count
        state = .fragment(next: fragment.lowerBound, end: fragment.upperBound)
      case .fragment(let next, let end):
        let seen = try readMessageHeader(received, from: next, to: end)
        guard received.byteCount >= end else {
          state = .fragment(next: seen, end: end)
          return nil
        }
        messageBytesBefore += fragmentBytes
        state = isMessageComplete ? .complete(end: end) : .header(start: end)
      case .complete(let end):
        return Packing(messageBytes: messageBytesBefore, rawBytes: end, recordCount: recordCount)
      }
    }
  }

  private var messageBytes: Int { Self.messageHeaderBytes + declaredBytes }

  private var isMessageComplete: Bool {
    messageHeaderSeen == Self.messageHeaderBytes && messageBytesBefore == messageBytes
  }

  /// Checks each header byte as soon as it is there, so that what is not TLS is known by its first bytes.
  /// Returns where the fragment lies.
  private func readRecordHeader(_ received: RawSpan, at start: Int) throws(HelloRefusal) -> Range<Int>? {
    // Whatever comes, the message needs one more record of at least one byte.
    guard start + Self.recordHeaderBytes + 1 <= limits.rawBytes else { throw HelloRefusal(.tooManyBytes) }
    let available = received.byteCount - start
    if start == 0 {
      guard try Opening.isTLS(received) else { return nil }
    }
    guard available >= 1 else { return nil }
    // RFC 8446 5.1: handshake messages must not be interleaved with other record types.
    guard received.byte(at: start) == ContentType.handshake else { throw HelloRefusal(.unexpectedContentType) }
    guard available >= 2 else { return nil }
    // The minor version means nothing (RFC 8446 5.1); another major one is no TLS record.
    guard received.byte(at: start + 1) == 3 else { throw HelloRefusal(.recordVersionChanged) }
    guard available >= Self.recordHeaderBytes else { return nil }
    let length = received.pair(at: start + 3)
    guard length > 0 else { throw HelloRefusal(.emptyRecord) }
    guard length <= Self.maximumFragmentBytes else { throw HelloRefusal(.recordTooLong) }
    let fragment = start + Self.recordHeaderBytes..<start + Self.recordHeaderBytes + length
    guard fragment.upperBound <= limits.rawBytes else { throw HelloRefusal(.tooManyBytes) }
    return fragment
  }

  /// Takes the message header out of the fragment bytes that are there and checks what it promises.
  /// Returns the first byte not looked at.
  private mutating func readMessageHeader(_ received: RawSpan, from start: Int, to end: Int) throws(HelloRefusal) -> Int {
    var next = start
    while messageHeaderSeen < Self.messageHeaderBytes, next < min(end, received.byteCount) {
      let byte = received.byte(at: next)
      if messageHeaderSeen == 0 {
        guard byte == HandshakeType.clientHello else { throw HelloRefusal(.notClientHello) }
      } else {
        declaredBytes = declaredBytes << 8 | Int(byte)
      }
      messageHeaderSeen += 1
      next += 1
    }
    guard messageHeaderSeen == Self.messageHeaderBytes else { return next }
    guard messageBytes <= limits.messageBytes else { throw HelloRefusal(.messageTooLong) }
    // A ClientHello must end with its record (RFC 8446 5.1), and no other message may follow it before the server spoke.
    guard messageBytesBefore + fragmentBytes <= messageBytes else { throw HelloRefusal(.trailingHandshakeData) }
    return next
  }
}

/// RFC 8446 5.1.
enum ContentType {
  static let handshake: UInt8 = 22
  /// change_cipher_spec, alert, handshake, application_data, heartbeat (RFC 6520).
  static let known: ClosedRange<UInt8> = 20...24
}

/// RFC 8446 4.
enum HandshakeType {
  static let clientHello: UInt8 = 1
}

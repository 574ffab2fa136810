import NIOCore
import NIOHTTP2

/// Takes the PING requests out of a stream of HTTP/2 bytes (RFC 9113, 4.1 and 6.7); everything else stays as it is, byte for byte.
///
/// A value without I/O or clock. It holds back at most one incomplete frame header or one incomplete PING.
struct PingSieve {
  /// What a piece of input turned into.
  struct Output: Equatable {
    /// To pass on, in order.
    var passed: [ByteBuffer] = []
    /// Opaque data of the PINGs to answer, in order.
    var pings: [UInt64] = []
    /// The first frame of the peer has begun.
    var sawFirstFrame = false
    /// The peer said GOAWAY (RFC 9113, 6.8): it takes no new streams.
    var sawGoAway = false
  }

  private enum State {
    /// The client's connection preface, RFC 9113, 3.4: so many bytes of it are still to come. Goes to `header`.
    case preface(remaining: Int)
    /// Between frames, or inside a frame header of which `partial` has come. Goes to `payload` or `ping`.
    case header(partial: ByteBuffer)
    /// Inside a frame that is passed on: so many bytes are still to come. Goes to `header`.
    case payload(remaining: Int)
    /// Inside the eight bytes of a PING. Goes to `header`.
    case ping(partial: ByteBuffer)
  }

  private enum Frame {
    static let headerLength = 9
    static let ping: UInt8 = 0x06
    static let goAway: UInt8 = 0x07
    static let ackFlag: UInt8 = 0x01
    static let pingLength = 8
    static let prefaceLength = 24
  }

  private var state: State
  private var hasSeenFrame = false

  /// - Parameter expectsPreface: true at a server, whose client begins with the fixed preface of 24 bytes.
  init(expectsPreface: Bool) {
    state = expectsPreface ? .preface(remaining: Frame.prefaceLength) : .header(partial: ByteBuffer())
  }

  /// The bytes of a PING's answer.
  static func acknowledgement(of data: UInt64, into buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(
      UInt8(0), UInt16(Frame.pingLength), Frame.ping, Frame.ackFlag, UInt32(0), data)
  }

  /// A GOAWAY with the highest possible stream number: every stream that the peer has opened may still be taken (RFC 9113, 6.8).
  static func goAway(_ error: HTTP2ErrorCode, reason: String = "", allocator: ByteBufferAllocator) -> ByteBuffer {
    var buffer = allocator.buffer(capacity: Frame.headerLength + 8 + reason.utf8.count)
    buffer.writeMultipleIntegers(
      UInt8(0), UInt16(8 + reason.utf8.count), Frame.goAway, UInt8(0), UInt32(0), UInt32(0x7fff_ffff), UInt32(error.networkCode))
    buffer.writeString(reason)
    return buffer
  }

  /// Bytes arrived from the peer.
  mutating func received(_ input: ByteBuffer) -> Output {
    // Slices are cut from `whole`, whose reader index stays where it was.
    let whole = input
    var input = input
    var output = Output()
    // Where the run of bytes that is passed on as one slice began.
    var runStart = input.readerIndex

    func closeRun(before index: Int) {
      if index > runStart, let slice = whole.getSlice(at: runStart, length: index - runStart) { output.passed.append(slice) }
    }

    while input.readableBytes > 0 {
      switch state {
      case .preface(let remaining):
        let taken = min(remaining, input.readableBytes)
        input.moveReaderIndex(forwardBy: taken)
        state = taken == remaining ? .header(partial: ByteBuffer()) : .preface(remaining: remaining - taken)

      case .payload(let remaining):
        let taken = min(remaining, input.readableBytes)
        input.moveReaderIndex(forwardBy: taken)
        state = taken == remaining ? .header(partial: ByteBuffer()) : .payload(remaining: remaining - taken)

      case .header(var partial):
        let headerStart = input.readerIndex
        let resumed = partial.readableBytes > 0
        guard var piece = input.readSlice(length: min(Frame.headerLength - partial.readableBytes, input.readableBytes)) else { break }
        partial.writeBuffer(&piece)
        guard partial.readableBytes == Frame.headerLength, let header = FrameHeader(partial) else {
          // Held back, so the run ends before it.
          closeRun(before: headerStart)
          runStart = input.readerIndex
          state = .header(partial: partial)
          continue
        }
        output.sawFirstFrame = output.sawFirstFrame || !hasSeenFrame
        hasSeenFrame = true
        output.sawGoAway = output.sawGoAway || header.type == Frame.goAway
        if header.isPingRequest {
          closeRun(before: headerStart)
          runStart = input.readerIndex
          state = .ping(partial: ByteBuffer())
        } else {
          if resumed {
            output.passed.append(partial)
            runStart = input.readerIndex
          }
          state = header.length == 0 ? .header(partial: ByteBuffer()) : .payload(remaining: header.length)
        }

      case .ping(var partial):
        guard var piece = input.readSlice(length: min(Frame.pingLength - partial.readableBytes, input.readableBytes)) else { break }
        partial.writeBuffer(&piece)
        runStart = input.readerIndex
        if partial.readableBytes == Frame.pingLength, let data = partial.readInteger(as: UInt64.self) {
          output.pings.append(data)
          state = .header(partial: ByteBuffer())
        } else {
          state = .ping(partial: partial)
        }
      }
    }
    closeRun(before: input.readerIndex)
    return output
  }

  /// RFC 9113, 4.1.
  private struct FrameHeader {
    var length: Int
    var type: UInt8
    var flags: UInt8
    var streamID: UInt32

    init?(_ bytes: ByteBuffer) {
      var bytes = bytes
      guard let (high, low, type, flags, stream) = bytes.readMultipleIntegers(as: (UInt8, UInt16, UInt8, UInt8, UInt32).self) else {
        return nil
      }
      length = Int(high) << 16 | Int(low)
      self.type = type
      self.flags = flags
      streamID = stream & 0x7fff_ffff
    }

    /// An illegal PING (other length, on a stream) is left to the HTTP/2 library, which knows what to say to it.
    var isPingRequest: Bool {
      type == Frame.ping && flags & Frame.ackFlag == 0 && length == Frame.pingLength && streamID == 0
    }
  }
}

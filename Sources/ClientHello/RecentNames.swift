/// The server names that were read last, so that one that many clients ask for is checked once and is one piece of memory.
///
/// Each name has its place, chosen by its bytes; whoever comes to a place that is taken has it from then on. So this never grows, and
/// who makes names collide only makes them be read anew. A value with a kilobyte or two of memory, to be kept where hellos are read.
public struct RecentNames: Sendable {
  private static let placeBits = 7

  /// Empty until there is one.
  private var names: [String] = []

  public init() {}

  /// The name that these bytes are, as it was read before, or read now.
  ///
  /// - Throws: what ``HostName/read(_:)`` throws.
  @inline(__always)
  mutating func name(_ bytes: RawSpan) throws(HelloRefusal) -> String {
    let place = Self.place(of: bytes)
    if place < names.count {
      let known = names[place]
      // The empty one is none.
      if bytes.byteCount > 0, Self.isSame(known, bytes) { return known }
    }
    let name = try HostName.read(bytes)
    if names.isEmpty { names = Array(repeating: "", count: 1 << Self.placeBits) }
    names[place] = name
    return name
  }

  /// A name that comes with capitals is never the same: it is kept in lower case.
  @inline(__always)
  private static func isSame(_ name: String, _ bytes: RawSpan) -> Bool {
    let known = name.utf8.span.bytes
    let count = known.byteCount
    guard count == bytes.byteCount else { return false }
    var position = 0
    while position &+ 8 <= count {
      guard known.eight(at: position) == bytes.eight(at: position) else { return false }
      position &+= 8
    }
    if position == count { return true }
    if count >= 8 { return known.eight(at: count &- 8) == bytes.eight(at: count &- 8) }
    while position < count {
      guard known.byte(at: position) == bytes.byte(at: position) else { return false }
      position &+= 1
    }
    return true
  }

  @inline(__always)
  private static func place(of bytes: RawSpan) -> Int {
    let count = bytes.byteCount
    var state = UInt64(truncatingIfNeeded: count)
    var position = 0
    while position &+ 8 <= count {
      state = mixed(state, bytes.eight(at: position))
      position &+= 8
    }
    // The last bytes, some of them perhaps a second time.
    if count >= 8 {
      state = mixed(state, bytes.eight(at: count &- 8))
    } else {
      while position < count {
        state = mixed(state, UInt64(bytes.byte(at: position)))
        position &+= 1
      }
    }
    return Int(truncatingIfNeeded: state &>> UInt64(64 &- placeBits))
  }

  @inline(__always)
  private static func mixed(_ state: UInt64, _ word: UInt64) -> UInt64 {
    let product = (state ^ word) &* 0x9E37_79B9_7F4A_7C15
    return product ^ product &>> 29
  }
}

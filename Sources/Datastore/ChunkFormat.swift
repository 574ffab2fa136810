/// How entries are cut into the chunks of the existing file format (PROTOCOL.md 12): `01`, number of chunks, index, length of
/// the chunk id, chunk id, length of the payload, payload; numbers are u16 LE. Pure.
enum ChunkFormat {
  private static let version: UInt8 = 1
  private static let idBytes = 16
  private static let maximumPayload = 231
  /// What an entry can have: the number of chunks is 16 bits.
  static let maximumEntryBytes = maximumPayload * Int(UInt16.max)

  /// What a file turned out to hold.
  struct Reading: Hashable, Sendable {
    /// The complete entries, in the order of their first chunks.
    var entries: [[UInt8]] = []
    /// Where the chunks end; what follows is a piece of one.
    var length = 0
    /// Entries of which not every chunk is there.
    var incomplete = 0
  }

  /// Why a file is none of ours, and not only cut short.
  struct Damage: Error, Hashable, Sendable {
    var offset: Int
    var finding: String
  }

  /// - Parameter id: random; 16 bytes.
  static func chunks(of entry: [UInt8], id: [UInt8]) -> [UInt8] {
    let count = max(1, (entry.count + maximumPayload - 1) / maximumPayload)
    var bytes: [UInt8] = []
    for index in 0..<count {
      let payload = entry[index * maximumPayload..<min(entry.count, (index + 1) * maximumPayload)]
      bytes.append(version)
      for number in [count, index, id.count] { bytes += UInt16(truncatingIfNeeded: number).littleEndianBytes }
      bytes += id
      bytes += UInt16(truncatingIfNeeded: payload.count).littleEndianBytes
      bytes += payload
    }
    return bytes
  }

  /// 16 random bytes.
  static func randomID(using generator: inout some RandomNumberGenerator) -> [UInt8] {
    (0..<idBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  /// Reads a whole file. A chunk that is cut short by the end of the file, or of which only zeros were written, ends it: that is
  /// what a crash leaves behind.
  ///
  /// - Throws: when something else stands where a chunk should begin, or chunks of an entry are out of order.
  static func read(_ bytes: [UInt8]) throws(Damage) -> Reading {
    var entries: [Int: Entry] = [:]
    var open: [ArraySlice<UInt8>: Int] = [:]
    var position = 0
    while position < bytes.count {
      guard let chunk = try chunk(bytes, at: position) else { break }
      if chunk.index == 0 {
        open[chunk.id] = entries.count
        entries[entries.count] = Entry(chunks: chunk.count)
      }
      guard let number = open[chunk.id], entries[number]?.next == chunk.index else {
        throw Damage(offset: position, finding: "chunk \(chunk.index) of an entry does not follow the one before it")
      }
      entries[number]?.take(chunk.payload)
      if entries[number]?.isComplete == true { open[chunk.id] = nil }
      position = chunk.end
    }
    var reading = Reading(length: position)
    for number in 0..<entries.count {
      guard let entry = entries[number] else { continue }
      if entry.isComplete { reading.entries.append(entry.bytes) } else { reading.incomplete += 1 }
    }
    return reading
  }

  private struct Entry {
    let chunks: Int
    var next = 0
    var bytes: [UInt8] = []

    init(chunks: Int) {
      self.chunks = chunks
    }

    var isComplete: Bool { next >= chunks }

    mutating func take(_ payload: ArraySlice<UInt8>) {
      bytes += payload
      next += 1
    }
  }

  private struct Chunk {
    var count: Int
    var index: Int
    var id: ArraySlice<UInt8>
    var payload: ArraySlice<UInt8>
    var end: Int
  }

  /// Nil when the bytes end before the chunk does.
  private static func chunk(_ bytes: [UInt8], at start: Int) throws(Damage) -> Chunk? {
    guard bytes[start] == version else {
      if bytes[start...].allSatisfy({ $0 == 0 }) { return nil }
      throw Damage(offset: start, finding: "no chunk begins with \(bytes[start])")
    }
    func number(at offset: Int) -> Int? {
      offset + 2 <= bytes.count ? Int(bytes[offset]) | Int(bytes[offset + 1]) << 8 : nil
    }
    guard let count = number(at: start + 1), let index = number(at: start + 3), let idLength = number(at: start + 5),
      let payloadLength = number(at: start + 7 + idLength)
    else { return nil }
    let idEnd = start + 7 + idLength
    let end = idEnd + 2 + payloadLength
    guard end <= bytes.count else { return nil }
    return Chunk(count: count, index: index, id: bytes[start + 7..<idEnd], payload: bytes[idEnd + 2..<end], end: end)
  }
}

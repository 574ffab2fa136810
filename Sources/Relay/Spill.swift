import Glibc

/// A few bytes that were read and could not be written yet, or a hello on its way to its server.
///
/// Plain memory from malloc in a plain value, because it lives in a slot of a slab: the slot owns it and frees it, at the
/// latest when the stream ends (``Loop/end``). Copies of the value must not outlive that. Nothing is allocated while empty.
struct Spill {
  private var base: UnsafeMutableRawPointer?
  private var start: UInt32 = 0
  private var end: UInt32 = 0
  private var capacity: UInt32 = 0

  init() {}

  var isEmpty: Bool { start == end }
  var count: Int { Int(end - start) }

  /// The bytes, until the next mutation.
  var bytes: UnsafeRawBufferPointer {
    guard let base else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    return UnsafeRawBufferPointer(start: base + Int(start), count: count)
  }

  /// Adds bytes behind those that are there. The first block has exactly the right size, since most spills are written
  /// once; what grows doubles, so that a hello in single bytes is not copied once per byte. False when there is no memory.
  mutating func append(_ more: UnsafeRawBufferPointer) -> Bool {
    guard let source = more.baseAddress, !more.isEmpty else { return true }
    let held = count
    let needed = held + more.count
    if let base, Int(end) + more.count <= Int(capacity) {
      memcpy(base + Int(end), source, more.count)
      end += UInt32(more.count)
      return true
    }
    let size = base == nil ? needed : max(needed, 2 * held)
    guard let block = malloc(size) else { return false }
    if let base, held > 0 { memcpy(block, base + Int(start), held) }
    memcpy(block + held, source, more.count)
    Glibc.free(base)
    base = block
    start = 0
    end = UInt32(needed)
    capacity = UInt32(size)
    return true
  }

  /// Puts bytes in front of those that are there. False when there is no memory.
  mutating func prepend(_ first: UnsafeRawBufferPointer) -> Bool {
    var whole = Spill()
    guard whole.append(first), whole.append(bytes) else {
      whole.free()
      return false
    }
    free()
    self = whole
    return true
  }

  /// Drops `count` bytes at the front; frees the memory with the last one.
  mutating func consume(_ count: Int) {
    start += UInt32(min(count, self.count))
    if isEmpty { free() }
  }

  @inline(__always)
  mutating func free() {
    guard base != nil else { return }
    giveMemoryBack()
  }

  private mutating func giveMemoryBack() {
    Glibc.free(base)
    base = nil
    start = 0
    end = 0
    capacity = 0
  }
}

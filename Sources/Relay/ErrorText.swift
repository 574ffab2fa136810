import Glibc

/// The system's words for an errno value.
func errorText(_ code: Int32) -> String {
  var buffer = [CChar](repeating: 0, count: 128)
  // The POSIX form: it fills the buffer and may be called from any thread.
  _ = strerror_r(code, &buffer, buffer.count)
  let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
  return bytes.isEmpty ? "error \(code)" : String(decoding: bytes, as: UTF8.self)
}

extension String {
  /// Byte for byte, unlike `==`, which takes different spellings of a character as equal: nothing in the network normalises names.
  func isExactly(_ other: String) -> Bool {
    utf8.elementsEqual(other.utf8)
  }
}

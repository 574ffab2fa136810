import Announcements

/// A host name, or a wildcard of one label, as it can be announced and routed; in lower case.
func namePattern(_ text: String) throws(TextMismatch) -> String {
  do throws(AnnouncementRefusal) {
    return try DomainName.normalizedPattern(text)
  } catch {
    throw TextMismatch("a host name, or a wildcard like *.example.org", hint: hint(text, error))
  }
}

private func hint(_ text: String, _ refusal: AnnouncementRefusal) -> String? {
  if text.utf8.contains(where: { $0 > 0x7F }) { return "write it in its xn-- form" }
  guard case .badName(_, let problem) = refusal else { return nil }
  return "it \(problem)"
}

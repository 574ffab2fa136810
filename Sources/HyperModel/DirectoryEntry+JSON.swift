extension DirectoryEntry {
  /// The entry as it travels in `_client` and in the answers of `_directory` and `_ping` (PROTOCOL.md 5.5).
  public var json: JSONValue {
    [
      "name": .string(name.text),
      "groups": .array(groups.map(JSONValue.string)),
      "channels": .array(channels.map { $0.json(absent: .null) }),
      "services": .array(services.map { $0.json(absent: .null) }),
      "certificates": .array(certificates.map(\.json)),
      "settings": .array(settings.map(\.json)),
      "preferences": preferences.isEmpty ? .null : .array(preferences.map(\.json)),
      "records": .array(records.map { ["hash": "", "parent_hash": "", "record": $0.json, "signature": nil] }),
      // Part of the shape, but no record can set it (PROTOCOL.md 8.1).
      "properties": ["displayName": ""],
    ]
  }

  /// Reads an entry out of another node's JSON: the name and the list of channels must be there, null or nothing elsewhere is empty, unknown keys
  /// are ignored (PROTOCOL.md 5.5). Records are not read.
  ///
  /// - Throws: `ShapeError` naming the first place that does not fit.
  public init(json: JSONValue) throws(ShapeError) {
    try self.init(reading: JSONCursor(json))
  }

  init(reading entry: JSONCursor) throws(ShapeError) {
    self.init(name: OperatorName(try entry["name"].string()))
    channels = try entry["channels"].elements().map(Channel.init(reading:))
    groups = try entry["groups"].optionalElements().map { (place) throws(ShapeError) in try place.string() }
    services = try entry["services"].optionalElements().map(Service.init(reading:))
    certificates = try entry["certificates"].optionalElements().map(Certificate.init(reading:))
    settings = try entry["settings"].optionalElements().map(Setting.init(reading:))
    preferences = try entry["preferences"].optionalElements().map(Setting.init(reading:))
  }
}

// The parts, read and written. `absent` is what stands for an absent optional member: null in entries, nothing at all in records.

extension DirectoryEntry.Channel {
  init(reading place: JSONCursor) throws(ShapeError) {
    self.init(type: try place["type"].string(), settings: try place["settings"].optionalObject())
  }

  func json(absent: JSONValue?) -> JSONValue {
    var members: [String: JSONValue] = ["type": .string(type)]
    members["settings"] = settings.map(JSONValue.object) ?? absent
    return .object(members)
  }
}

extension DirectoryEntry.Service {
  init(reading place: JSONCursor) throws(ShapeError) {
    self.init(
      name: try place["name"].string(),
      permissions: try place["permissions"].optionalElements().map(DirectoryEntry.Permission.init(reading:)),
      methods: try place["methods"].optionalElements().map(DirectoryEntry.Method.init(reading:)))
  }

  func json(absent: JSONValue?) -> JSONValue {
    ["name": .string(name), "permissions": .array(permissions.map(\.json)), "methods": .array(methods.map { $0.json(absent: absent) })]
  }
}

extension DirectoryEntry.Method {
  init(reading place: JSONCursor) throws(ShapeError) {
    self.init(
      name: try place["name"].string(),
      permissions: try place["permissions"].optionalElements().map(DirectoryEntry.Permission.init(reading:)),
      parameters: try Self.parameters(reading: place["parameters"]))
  }

  /// A list of `{name, validators: [{type, parameters}]}`, everything but the names optional.
  private static func parameters(reading place: JSONCursor) throws(ShapeError) -> JSONValue? {
    if place.isAbsent { return nil }
    return .array(
      try place.elements().map { (parameter) throws(ShapeError) -> JSONValue in
        var members: [String: JSONValue] = ["name": .string(try parameter["name"].string())]
        if !parameter["validators"].isAbsent {
          members["validators"] = .array(try parameter["validators"].elements().map(validator(reading:)))
        }
        return .object(members)
      })
  }

  private static func validator(reading place: JSONCursor) throws(ShapeError) -> JSONValue {
    var members: [String: JSONValue] = ["type": .string(try place["type"].string())]
    members["parameters"] = try place["parameters"].optionalObject().map(JSONValue.object)
    return .object(members)
  }

  func json(absent: JSONValue?) -> JSONValue {
    var members: [String: JSONValue] = ["name": .string(name), "permissions": .array(permissions.map(\.json))]
    members["parameters"] = parameters ?? absent
    return .object(members)
  }
}

extension DirectoryEntry.Permission {
  init(reading place: JSONCursor) throws(ShapeError) {
    let group = try place["group"].string()
    var rights: [String] = []
    for right in try place["rights"].elements() {
      guard try right.string() == Self.callRight else { throw right.unexpected("'\(Self.callRight)'") }
      if !rights.isEmpty { throw right.unexpected("no right twice") }
      rights.append(Self.callRight)
    }
    self.init(group: group, rights: rights)
  }

  var json: JSONValue {
    ["group": .string(group), "rights": .array(rights.map(JSONValue.string))]
  }
}

extension DirectoryEntry.Certificate {
  init(reading place: JSONCursor) throws(ShapeError) {
    self.init(fingerprint: try place["fingerprint"].string(), keyUsage: try place["key_usage"].string())
  }

  var json: JSONValue {
    ["fingerprint": .string(fingerprint), "key_usage": .string(keyUsage)]
  }
}

extension DirectoryEntry.Setting {
  init(reading place: JSONCursor) throws(ShapeError) {
    self.init(
      operatorName: try place["operator"].optionalString(),
      service: try place["service"].optionalString(),
      environment: try place["environment"].optionalString(),
      settings: try place["settings"].object())
  }

  var json: JSONValue {
    ["operator": .string(operatorName), "service": .string(service), "environment": .string(environment), "settings": .object(settings)]
  }
}

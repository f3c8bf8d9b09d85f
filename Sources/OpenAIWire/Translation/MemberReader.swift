import HTTPWire

/// Reads the members of one object of a request. Errors name a member by its path; null counts as missing.
struct MemberReader {
    let object: JSONObject
    /// Such as `input[3]`; empty at the top of the request.
    let path: String

    init(_ value: JSONValue, at path: String) throws(APIError) {
        guard let object = value.object else { throw APIError.wrongType(path, "an object") }
        self.object = object
        self.path = path
    }

    func name(_ member: String) -> String { path.isEmpty ? member : path + "." + member }

    subscript(member: String) -> JSONValue? {
        guard let value = object[member], value != .null else { return nil }
        return value
    }

    func string(_ member: String) throws(APIError) -> String? {
        guard let value = self[member] else { return nil }
        guard let text = value.string else { throw APIError.wrongType(name(member), "a string") }
        return text
    }

    func requiredString(_ member: String) throws(APIError) -> String {
        guard let text = try string(member) else { throw missing(member) }
        return text
    }

    func bool(_ member: String) throws(APIError) -> Bool? {
        guard let value = self[member] else { return nil }
        guard let flag = value.bool else { throw APIError.wrongType(name(member), "a boolean") }
        return flag
    }

    func array(_ member: String) throws(APIError) -> [JSONValue]? {
        guard let value = self[member] else { return nil }
        guard let elements = value.array else { throw APIError.wrongType(name(member), "an array") }
        return elements
    }

    /// The objects of an array, each with its own path.
    func objects(_ member: String) throws(APIError) -> [MemberReader]? {
        guard let elements = try array(member) else { return nil }
        var readers: [MemberReader] = []
        for (position, element) in elements.enumerated() { readers.append(try MemberReader(element, at: "\(name(member))[\(position)]")) }
        return readers
    }

    func object(_ member: String) throws(APIError) -> MemberReader? {
        guard let value = self[member] else { return nil }
        return try MemberReader(value, at: name(member))
    }

    func missing(_ member: String) -> APIError {
        APIError(.missingParameter, message: "'\(name(member))' is required.", param: name(member))
    }

    func unsupported(_ member: String, _ why: String) -> APIError {
        APIError(.unsupportedParameter, message: "'\(name(member))' \(why)", param: name(member))
    }
}

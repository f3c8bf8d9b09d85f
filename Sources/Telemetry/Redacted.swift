/// A value that must not be printed: a key, a token, a prompt, an answer. It can be carried and used, but every way of turning it into text
/// gives its size alone.
package struct Redacted<Value> {
    /// The value itself, for the one place that needs it.
    package let exposed: Value

    package init(_ value: Value) {
        exposed = value
    }
}

extension Redacted: Sendable where Value: Sendable {}
extension Redacted: Equatable where Value: Equatable {}
extension Redacted: Hashable where Value: Hashable {}

extension Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String {
        switch exposed {
        case let text as String: "<redacted \(text.utf8.count) bytes>"
        case let bytes as any Collection<UInt8>: "<redacted \(bytes.count) bytes>"
        default: "<redacted>"
        }
    }

    package var debugDescription: String { description }

    /// `dump` and string interpolation of an enclosing value go through the mirror.
    package var customMirror: Mirror { Mirror(self, children: [:] as KeyValuePairs<String, Any>, displayStyle: .struct) }
}

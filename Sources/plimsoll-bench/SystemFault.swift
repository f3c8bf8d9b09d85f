import Glibc

/// A system call that this program cannot go on without.
struct SystemFault: Error, CustomStringConvertible {
    let call: String
    let number: Int32

    init(_ call: String, number: Int32 = errno) {
        self.call = call
        self.number = number
    }

    var description: String { "\(call): \(String(cString: strerror(number)))" }

    /// Passes a result on which is not negative, as system calls say that all went well.
    @discardableResult
    static func check(_ result: Int32, _ call: String) throws(SystemFault) -> Int32 {
        guard result >= 0 else { throw SystemFault(call) }
        return result
    }
}

/// What went wrong in an agent, in words for the person who runs the host.
package struct AgentError: Error, Sendable, CustomStringConvertible {
    package struct Code: Sendable, Hashable {
        private enum Value: Hashable {
            case badToken
            case refused
            case unreachable
            case untrusted
            case badAnswer
            case state
            case runtime
            case accelerator
        }

        private let value: Value

        /// The join token cannot be read.
        package static let badToken = Code(value: .badToken)
        /// The control plane answered, and said no; asking again changes nothing.
        package static let refused = Code(value: .refused)
        /// The control plane did not answer, or is not able to; asking again may help.
        package static let unreachable = Code(value: .unreachable)
        /// The peer is not who the token or the certificate says.
        package static let untrusted = Code(value: .untrusted)
        /// An answer that this version does not understand.
        package static let badAnswer = Code(value: .badAnswer)
        /// The state directory cannot be read or written, or holds something else.
        package static let state = Code(value: .state)
        /// A runtime cannot be started or does not answer.
        package static let runtime = Code(value: .runtime)
        /// The accelerator's library cannot be loaded or failed.
        package static let accelerator = Code(value: .accelerator)
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?

    package init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package var description: String { message }
}

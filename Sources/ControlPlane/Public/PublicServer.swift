import HTTPTypes
package import Hummingbird
package import Logging
import ServiceLifecycle
import Synchronization

/// The public's port: what anybody may read without a token, and months that a link opens. It has no way to change anything, and is the port to expose.
package struct PublicServer: Service {
    private let application: Application<RouterResponder<AdminContext>>

    /// - Parameters:
    ///   - port: 0 takes a free one, which `onRunning` tells.
    ///   - certificate: Serves TLS 1.2 and later with it; nil: plain.
    ///   - adding: Its pages.
    package init(
        host: String, port: Int, certificate: AdminCertificate? = nil, logger: Logger, adding: (Router<AdminContext>) -> Void,
        onRunning: @escaping @Sendable (Int) -> Void = { _ in }
    ) throws {
        let router = Router(context: AdminContext.self)
        router.add(middleware: AdminErrors())
        router.add(middleware: PublicBound())
        adding(router)
        application = try AdminServer.application(router, host: host, port: port, certificate: certificate, logger: logger, onRunning: onRunning)
    }

    package func run() async throws {
        try await application.run()
    }
}

/// Bounds how many of the public's requests are worked on at once: the database is there for gateways first. The status page asks no database, and must be
/// there when that answers nobody.
struct PublicBound: RouterMiddleware {
    static let most = 8

    private final class Count: Sendable {
        let running = Mutex(0)
    }

    private let count = Count()

    @concurrent func handle(
        _ request: Request, context: AdminContext, next: @concurrent (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard !StatusRoutes.serves(request.uri.path) else { return try await next(request, context) }
        let isFree = count.running.withLock { running in
            guard running < Self.most else { return false }
            running += 1
            return true
        }
        guard isFree else {
            return Response(
                status: .serviceUnavailable, headers: [.contentType: "text/plain; charset=utf-8", .retryAfter: "1"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: "busy; try again in a second\n")))
        }
        defer { count.running.withLock { $0 -= 1 } }
        return try await next(request, context)
    }
}

import Cryptography
import HTTPTypes
package import Hummingbird
import PlimsollWire

/// The status page on the control plane's own port, for operators and for whoever has no gateway. Nobody is asked who they are.
package enum StatusRoutes {
    package static func add(to router: Router<AdminContext>, board: StatusBoard) {
        for method in [HTTPRequest.Method.get, .head] {
            for path in ["/status", "/status/**", "/api/v2/**"] as [RouterPath] {
                router.on(path, method: method) { request, _ in answer(request, board) }
            }
        }
    }

    static func serves(_ path: String) -> Bool { path == "/status" || path.hasPrefix("/status/") || path.hasPrefix("/api/v2/") }

    private static func answer(_ request: Request, _ board: StatusBoard) -> Response {
        var path = request.uri.path
        if path.hasSuffix("/") { path.removeLast() }
        guard let page = board.current, let document = page.document(path) else {
            return Response(
                status: board.current == nil ? .serviceUnavailable : .notFound, headers: [.contentType: "text/plain; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: board.current == nil ? "not made yet\n" : "not here\n")))
        }
        let age = page.ageSeconds
        let body = document.body(ageSeconds: age)
        let tag = StatusAnswer.tag(body)
        var headers: HTTPFields = [:]
        for (name, value) in StatusAnswer.fields(contentType: document.contentType, tag: tag) + [(StatusHeader.age, String(age))] {
            if let name = HTTPField.Name(name) { headers[name] = value }
        }
        if StatusAnswer.isKnown(tag, to: request.headers[.ifNoneMatch]) { return Response(status: .notModified, headers: headers) }
        headers[.contentLength] = String(body.utf8.count)
        return Response(
            status: .ok, headers: headers, body: request.method == .head ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(string: body)))
    }
}

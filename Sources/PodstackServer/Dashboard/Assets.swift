import PodstackAPI
import PodstackCryptography

/// A static file that pages load.
///
/// The files are embedded in the program, and browsers cache them.
enum Asset: CaseIterable {
    case style, script, icon

    private var bytes: [UInt8] {
        switch self {
        case .style: PackageResources.dashboard_css
        case .script: PackageResources.dashboard_js
        case .icon: PackageResources.icon_svg
        }
    }

    private var contentType: String {
        switch self {
        case .style: "text/css; charset=utf-8"
        case .script: "text/javascript; charset=utf-8"
        case .icon: "image/svg+xml"
        }
    }

    private var fileExtension: String {
        switch self {
        case .style: "css"
        case .script: "js"
        case .icon: "svg"
        }
    }

    /// The file name, which contains a digest of the content: a new version of a page never loads an old style.
    private var name: String { "\(Sodium.sha256(bytes).prefix(8).hexadecimal).\(fileExtension)" }

    private static let names = Dictionary(uniqueKeysWithValues: allCases.map { ($0, $0.name) })
    private static let byName = Dictionary(uniqueKeysWithValues: allCases.map { ($0.name, $0) })

    private static let constants = Dictionary(uniqueKeysWithValues: allCases.map { ($0, ConstantBody($0.bytes)) })

    var link: Link { Link("/assets", Self.names[self] ?? "") }

    /// Returns the file that the path names.
    @Sendable static func get(_ exchange: PageExchange) throws -> Response {
        guard let asset = byName[exchange.parameters[0]] else {
            throw ErrorResponse(status: 404, code: .notFound, message: "There is no file at this address")
        }
        var response = Response(status: 200, body: asset.bytes)
        response.constant = constants[asset]
        response.contentType = asset.contentType
        response.cacheControl = "public, max-age=31536000, immutable"
        response.set("X-Content-Type-Options", "nosniff")
        return response
    }
}

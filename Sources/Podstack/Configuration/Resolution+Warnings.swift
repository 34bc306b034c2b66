extension Resolution {
    func warnings(_ token: Token, profile used: Profile?, hasProject: Bool) -> [ConfigurationWarning] {
        var warnings: [ConfigurationWarning] = []
        if !hasProject, let name = environment.misnamedProject {
            warnings.append(.misnamed(name, isRead: PodstackEnvironment.Variable.project.rawValue))
        }
        if let used, let rights = used.rightsOfOthers { warnings.append(.openToOthers(used.path, rights: rights)) }
        switch token.source {
        case .dotEnv(let variable, let path, _)? where environment.dotEnvOrigin(of: variable)?.isInParent == true:
            warnings.append(.dotEnvInParent(path))
            fallthrough
        case .environment?, .dotEnv?, .file?:
            if let source = token.source, environment[.profile] != nil {
                warnings.append(.profileIgnored(because: source))
            }
        default: break
        }
        return warnings
    }
}

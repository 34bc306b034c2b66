import PodstackAPI

/// The fields of a project as they are, or were typed.
struct ProjectForm {
    var name = ""
    var description = ""
    var problems = FieldProblems()

    init() {}

    init(_ project: ProjectRecord) {
        name = project.name
        description = project.description ?? ""
    }

    init(_ form: Form) {
        name = form["name"]
        // Browsers send both characters for the end of a line.
        description = form["description"].replacing("\r\n", with: "\n")
    }

    func request(isNew: Bool) throws -> ProjectRequest {
        let values = ProjectRequest.Values(name: name, description: .some(description))
        return isNew ? try ProjectRequest(creating: values) : try ProjectRequest(changing: values)
    }
}

/// What a project is made of, or becomes.
struct ProjectFields: Component {
    let form: ProjectForm

    var body: some HTML {
        Field(
            "Name", name: "name", value: form.name, problem: form.problems["name"], .flag("required"),
            .maxLength(100), .autocomplete("off"))
        Element("div", .class("field")) {
            Element("label", .for("description")) { "Description" }
            Element(
                "textarea",
                [.id("description"), .name("description"), .rows(3), .maxLength(1000)]
                    + (form.problems["description"] == nil
                        ? [] : [.aria("aria-describedby", "description-problem"), .aria("aria-invalid", "true")])
            ) {
                // A browser takes away the first end of a line in it.
                form.description.hasPrefix("\n") ? "\n" + form.description : form.description
            }
            if let problem = form.problems["description"] {
                Element("p", .class("field-problem"), .id("description-problem")) { problem }
            }
        }
    }
}

"""The build: requirements to an applib archive, a model to a model archive, a folder to a code package."""

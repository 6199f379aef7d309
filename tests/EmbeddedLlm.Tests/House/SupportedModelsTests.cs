namespace EmbeddedLlm.Tests.House;

public sealed class SupportedModelsTests
{
    [Fact]
    public void Page_IsWhatTheTablesSay()
    {
        var path = Path.Combine(Golden.Root, "docs", "supported-models.md");
        var page = SupportedModelsPage.Write();
        if (Environment.GetEnvironmentVariable("EMBEDDEDLLM_WRITE_DOCS") == "1")
            File.WriteAllText(path, page);

        Assert.True(
            File.Exists(path) && File.ReadAllText(path).ReplaceLineEndings("\n") == page,
            "docs/supported-models.md is not what the tables say. To write it anew: EMBEDDEDLLM_WRITE_DOCS=1 dotnet test --filter-class '*SupportedModelsTests'");
    }
}

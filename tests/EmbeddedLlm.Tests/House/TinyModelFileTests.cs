using EmbeddedLlm.Testing;

namespace EmbeddedLlm.Tests.House;

public sealed class TinyModelFileTests
{
    [Fact]
    public void SamplesModel_IsWhatTheGeneratorWrites()
    {
        using var written = new MemoryStream();
        TinyModel.WriteTo(written);

        // To make the file anew: TinyModel.Write("samples/models/tiny.gguf").
        Assert.Equal(File.ReadAllBytes(Golden.TinyModel), written.ToArray());
    }
}

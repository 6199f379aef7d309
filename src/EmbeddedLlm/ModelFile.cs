using EmbeddedLlm.Gguf;
using EmbeddedLlm.HuggingFace;

namespace EmbeddedLlm;

/// <summary>Opens models, whatever they are kept in.</summary>
public static class ModelFile
{
    /// <summary>
    /// Opens a GGUF file, any part of a split one, or a folder as Hugging Face lays models out (config.json, safetensors, tokenizer), which then
    /// looks as the GGUF file that it could be: <see cref="GgufWriter"/> writes it as one, <see cref="GgufQuantizer"/> a smaller one.
    /// </summary>
    /// <param name="path">The file or folder.</param>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    /// <exception cref="ModelFormatException">A file is damaged.</exception>
    /// <exception cref="UnsupportedModelException">The folder holds a model whose architecture, number format or tokenizer is not supported.</exception>
    public static GgufFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Directory.Exists(path) ? HuggingFaceFolder.Open(path) : GgufFile.Open(path);
    }
}

namespace EmbeddedLlm.HuggingFace;

/// <summary>What the small files of a folder may ask of their readers, far above what any model has.</summary>
internal static class FolderLimits
{
    public const long ConfigBytes = 1 << 24;
    public const long IndexBytes = 1 << 26;
    public const long TokenizerBytes = 1 << 28;
    public const long TemplateBytes = 1 << 22;
    public const int Tokens = 1 << 22;
}

namespace EmbeddedLlm.Quantization;

/// <summary>The number formats of GGUF tensors, with the ids that GGUF files use.</summary>
public enum GgmlType
{
    /// <summary>32-bit IEEE float.</summary>
    F32 = 0,
    /// <summary>16-bit IEEE float.</summary>
    F16 = 1,
    /// <summary>4-bit, 32 per block, one scale.</summary>
    Q4_0 = 2,
    /// <summary>4-bit, 32 per block, scale and minimum.</summary>
    Q4_1 = 3,
    /// <summary>5-bit, 32 per block, one scale.</summary>
    Q5_0 = 6,
    /// <summary>5-bit, 32 per block, scale and minimum.</summary>
    Q5_1 = 7,
    /// <summary>8-bit, 32 per block, one scale.</summary>
    Q8_0 = 8,
    /// <summary>8-bit with block sums; an activation format.</summary>
    Q8_1 = 9,
    /// <summary>2-bit, 256 per super-block.</summary>
    Q2_K = 10,
    /// <summary>3-bit, 256 per super-block.</summary>
    Q3_K = 11,
    /// <summary>4-bit, 256 per super-block.</summary>
    Q4_K = 12,
    /// <summary>5-bit, 256 per super-block.</summary>
    Q5_K = 13,
    /// <summary>6-bit, 256 per super-block.</summary>
    Q6_K = 14,
    /// <summary>8-bit, 256 per super-block; an activation format.</summary>
    Q8_K = 15,
    /// <summary>2.06-bit grid quantization.</summary>
    IQ2_XXS = 16,
    /// <summary>2.31-bit grid quantization.</summary>
    IQ2_XS = 17,
    /// <summary>3.06-bit grid quantization.</summary>
    IQ3_XXS = 18,
    /// <summary>1.56-bit grid quantization.</summary>
    IQ1_S = 19,
    /// <summary>4-bit, non-linear levels, 32 per block.</summary>
    IQ4_NL = 20,
    /// <summary>3.44-bit grid quantization.</summary>
    IQ3_S = 21,
    /// <summary>2.5-bit grid quantization.</summary>
    IQ2_S = 22,
    /// <summary>4-bit, non-linear levels, 256 per super-block.</summary>
    IQ4_XS = 23,
    /// <summary>8-bit integer.</summary>
    I8 = 24,
    /// <summary>16-bit integer.</summary>
    I16 = 25,
    /// <summary>32-bit integer.</summary>
    I32 = 26,
    /// <summary>64-bit integer.</summary>
    I64 = 27,
    /// <summary>64-bit IEEE float.</summary>
    F64 = 28,
    /// <summary>1.75-bit grid quantization.</summary>
    IQ1_M = 29,
    /// <summary>16-bit brain float.</summary>
    BF16 = 30,
    /// <summary>Ternary, 1.69 bits.</summary>
    TQ1_0 = 34,
    /// <summary>Ternary, 2.06 bits.</summary>
    TQ2_0 = 35,
    /// <summary>4-bit micro-scaling float (OCP MX), 32 per block.</summary>
    MXFP4 = 39,
    /// <summary>4-bit float with block scales of 8 bits, 64 per block.</summary>
    NVFP4 = 40,
    /// <summary>1-bit, 128 per block, one scale.</summary>
    Q1_0 = 41,
    /// <summary>2-bit, 64 per block, one scale.</summary>
    Q2_0 = 42,
}

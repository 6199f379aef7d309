using EmbeddedLlm.Cpu.Lanes;

namespace EmbeddedLlm.Tests.Cpu.Lanes;

public sealed unsafe class LanesTests
{
    [Fact]
    public void LoadHalf_EveryHalf_IsExact()
    {
        Check<Lanes4>();
        Check<Lanes8>();
        Check<Lanes16>();

        static void Check<T>() where T : unmanaged, ILanes<T>
        {
            var halves = new ushort[T.Count];
            var floats = new float[T.Count];
            for (var first = 0; first < 65536; first += T.Count)
            {
                for (var i = 0; i < T.Count; i++)
                    halves[i] = (ushort)(first + i);
                var finite = new float[T.Count];
                fixed (ushort* source = halves)
                fixed (float* target = floats, finiteTarget = finite)
                {
                    T.LoadHalf(source).Store(target);
                    T.LoadFiniteHalf(source).Store(finiteTarget);
                }

                for (var i = 0; i < T.Count; i++)
                {
                    var expected = (float)BitConverter.UInt16BitsToHalf(halves[i]);
                    Assert.True(float.IsNaN(expected) ? float.IsNaN(floats[i]) : BitConverter.SingleToInt32Bits(expected) == BitConverter.SingleToInt32Bits(floats[i]));
                    if (float.IsFinite(expected))
                        Assert.Equal(BitConverter.SingleToInt32Bits(expected), BitConverter.SingleToInt32Bits(finite[i]));
                }
            }
        }
    }

    [Fact]
    public void LoadBytes_EverySignedByte_IsExact()
    {
        Check<Lanes4>();
        Check<Lanes8>();
        Check<Lanes16>();

        static void Check<T>() where T : unmanaged, ILanes<T>
        {
            var bytes = Enumerable.Range(-128, 256).Select(value => (sbyte)value).ToArray();
            var floats = new float[256];
            fixed (sbyte* source = bytes)
            fixed (float* target = floats)
            {
                for (var i = 0; i < 256; i += T.Count)
                    T.LoadBytes(source + i).Store(target + i);
            }

            Assert.Equal(bytes.Select(value => (float)value), floats);
        }
    }

    [Fact]
    public void AnyAbove_OneLaneOrNone_SaysWhich()
    {
        Check<Lanes4>();
        Check<Lanes8>();
        Check<Lanes16>();

        static void Check<T>() where T : unmanaged, ILanes<T>
        {
            for (var lane = 0; lane < T.Count; lane++)
            {
                Assert.True(With(lane, 1.5f));
                Assert.False(With(lane, 1));
                Assert.False(With(lane, float.NaN));
            }

            static bool With(int lane, float value)
            {
                var floats = new float[T.Count];
                floats[lane] = value;
                fixed (float* source = floats)
                    return T.AnyAbove(T.Load(source), T.Fill(1));
            }
        }
    }

    [Fact]
    public void MultiplyAdd_OfAnyNumbers_RoundsAsTheProcessorCan()
    {
        Check<Lanes4>();
        Check<Lanes8>();
        Check<Lanes16>();

        static void Check<T>() where T : unmanaged, ILanes<T>
        {
            var random = new Random(6);
            for (var i = 0; i < 1000; i++)
            {
                var (a, b) = (random.NextSingle() - 0.5f, random.NextSingle());
                var c = -a * b;     // so that what the first rounding loses is the result
                var expected = LaneMath.HasFusedMultiplyAdd ? MathF.FusedMultiplyAdd(a, b, c) : a * b + c;
                Assert.Equal(expected, Map<T>(a, x => T.MultiplyAdd(x, T.Fill(b), T.Fill(c))));
            }
        }
    }

    [Fact]
    public void Exp_FromBelowToAboveItsRange_IsNearTheTrueValue()
    {
        Check<Lanes4>();
        Check<Lanes8>();
        Check<Lanes16>();

        static void Check<T>() where T : unmanaged, ILanes<T>
        {
            for (var x = -86.9f; x < 88; x += 0.0137f)
                Assert.InRange(Map<T>(x, LaneMath.Exp) / Math.Exp(x), 1 - 2e-7, 1 + 2e-7);
            Assert.Equal(1, Map<T>(0, LaneMath.Exp));
            Assert.Equal(0, Map<T>(-88, LaneMath.Exp));
            Assert.Equal(0, Map<T>(float.NegativeInfinity, LaneMath.Exp));
            Assert.InRange(Map<T>(1000, LaneMath.Exp), 1e38, float.MaxValue);
            Assert.True(float.IsNaN(Map<T>(float.NaN, LaneMath.Exp)));
        }
    }

    [Fact]
    public void Activations_OverTheirRange_AreNearTheTrueValue()
    {
        Check<Lanes4>();
        Check<Lanes8>();
        Check<Lanes16>();

        static void Check<T>() where T : unmanaged, ILanes<T>
        {
            for (var x = -40f; x < 40; x += 0.0113f)
            {
                Near(x / (1 + Math.Exp(-x)), Map<T>(x, Silu.Invoke), x);
                Near(x / 2.0 * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x))), Map<T>(x, GeluTanh.Invoke), x);
                Near(x / 2.0 * (1 + Erf(x / Math.Sqrt(2))), Map<T>(x, Gelu.Invoke), x);
                Assert.Equal(Math.Max(x, 0), Map<T>(x, Relu.Invoke));
            }
        }

        static void Near(double expected, float found, float x) => Assert.InRange(found - expected, -3e-7 * (1 + Math.Abs(x)), 3e-7 * (1 + Math.Abs(x)));
    }

    [Fact]
    public void SumMaxAndSwap_OfKnownLanes_AreRight()
    {
        Check<Lanes4>();
        Check<Lanes8>();
        Check<Lanes16>();

        static void Check<T>() where T : unmanaged, ILanes<T>
        {
            float[] values = [.. Enumerable.Range(0, T.Count).Select(i => i * i - 20f)];
            var swapped = new float[T.Count];
            fixed (float* source = values)
            fixed (float* target = swapped)
            {
                Assert.Equal(values.Sum(), T.Sum(T.Load(source)));
                Assert.Equal(values.Max(), T.Max(T.Load(source)));
                T.SwapPairs(T.Load(source)).Store(target);
            }

            Assert.Equal(values.Select((_, i) => values[i ^ 1]), swapped);
        }
    }

    private static float Map<T>(float x, Func<T, T> function) where T : unmanaged, ILanes<T>
    {
        var values = stackalloc float[T.Count];
        function(T.Fill(x)).Store(values);
        for (var i = 1; i < T.Count; i++)
            Assert.Equal(values[0], values[i]);
        return values[0];
    }

    // The error function by its Taylor series, or 1 less a continued fraction where that is long.
    private static double Erf(double x)
    {
        if (Math.Abs(x) > 3)
        {
            var fraction = 0.0;
            for (var k = 60; k > 0; k--)
                fraction = k / 2.0 / (Math.Abs(x) + fraction);
            return Math.Sign(x) * (1 - Math.Exp(-x * x) / Math.Sqrt(Math.PI) / (Math.Abs(x) + fraction));
        }

        var (term, sum) = (x, x);
        for (var n = 1; n < 80; n++)
        {
            term *= -x * x / n;
            sum += term / (2 * n + 1);
        }

        return 2 / Math.Sqrt(Math.PI) * sum;
    }
}

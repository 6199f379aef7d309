using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using EmbeddedLlm.Cpu;

namespace EmbeddedLlm.Tests.Cpu;

public sealed class WorkerTeamTests
{
    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(5)]
    public void Run_ManyPhases_EachSeesAllWorkOfTheOneBefore(int threads)
    {
        var probes = new Probe[50];
        for (var i = 0; i < probes.Length; i++)
            probes[i] = new Probe(i == 0 ? null : probes[i - 1]);
        using var team = new WorkerTeam([.. probes], threads);

        for (var step = 1; step <= 20; step++)
        {
            team.Run(new CpuStep());

            Assert.All(probes, probe => Assert.Equal(step * threads * Probe.PhaseCount, probe.Calls));
            Assert.All(probes, probe => Assert.Equal(0, probe.Early));
        }
    }

    [Theory, InlineData(1), InlineData(3)]
    public void Next_InEachPhase_GivesEveryUnitOnce(int threads)
    {
        var taker = new Taker();
        using var team = new WorkerTeam([taker, taker, taker], threads);

        for (var step = 1; step <= 10; step++)
        {
            team.Run(new CpuStep());
            Assert.All(taker.Taken, count => Assert.Equal(step * 3, count));
        }
    }

    [Theory, InlineData(1, 0), InlineData(3, 0), InlineData(3, 2)]
    public void Run_KernelFails_ThrowsItAndWorksAgain(int threads, int failing)
    {
        var failure = new Failing { Worker = failing };
        var after = new Probe();
        using var team = new WorkerTeam([failure, after], threads);

        for (var round = 0; round < 5; round++)
        {
            failure.Fails = true;
            var thrown = Assert.Throws<InvalidOperationException>(() => team.Run(new CpuStep()));
            Assert.Equal("on purpose", thrown.Message);

            failure.Fails = false;
            team.Run(new CpuStep());
            Assert.Equal((round + 1) * threads * Probe.PhaseCount, after.Calls);
        }
    }

    [Fact]
    public void Run_AllWorkersFail_ThrowsOne()
    {
        using var team = new WorkerTeam([new Failing { Worker = -1, Fails = true }], 4);

        for (var round = 0; round < 20; round++)
            Assert.Throws<InvalidOperationException>(() => team.Run(new CpuStep()));
    }

    [Fact]
    public void Scratch_OfEachWorker_IsItsOwnAlignedAndLargeEnough()
    {
        var kernel = new ScratchUser();
        using var team = new WorkerTeam([new Probe(), kernel], 3);

        team.Run(new CpuStep());

        Assert.Equal(3, kernel.Intact);
    }

    [Fact]
    public void Dispose_Twice_IsSafeAndRunThrowsAfter()
    {
        var team = new WorkerTeam([new Probe()], 3);
        team.Run(new CpuStep());

        team.Dispose();
        team.Dispose();

        Assert.Throws<ObjectDisposedException>(() => team.Run(new CpuStep()));
    }

    [Fact]
    public void Create_AThreadDoesNotStart_ThrowsAndEndsTheOthers()
    {
        var started = new List<Thread>();

        Assert.Throws<InvalidOperationException>(() => new WorkerTeam([new Probe()], 5, thread =>
        {
            if (started.Count == 2)
                throw new InvalidOperationException();
            thread.Start();
            started.Add(thread);
        }));

        Assert.Equal(2, started.Count);
        Assert.All(started, thread => Assert.False(thread.IsAlive));
    }

    [Fact]
    public void Run_Ended_WorkersSleepAndTakeNoProcessorTime()
    {
        if (!OperatingSystem.IsLinux())
            Assert.Skip("Reads the processor time of single threads from Linux.");
        var kernel = new Identified();
        var threads = new List<Thread>();
        using var team = new WorkerTeam([kernel], 4, thread =>
        {
            thread.Start();
            threads.Add(thread);
        });
        team.Run(new CpuStep());
        Assert.True(SpinWait.SpinUntil(() => threads.TrueForAll(thread => thread.ThreadState.HasFlag(System.Threading.ThreadState.WaitSleepJoin)), TimeSpan.FromSeconds(30)), "The workers do not sleep.");

        // While this thread is busy, theirs are not.
        var before = kernel.ProcessorTime();
        var watch = Stopwatch.StartNew();
        while (watch.ElapsedMilliseconds < 300)
            Thread.SpinWait(100);

        Assert.Equal(3, threads.Count);
        Assert.InRange(kernel.ProcessorTime() - before, TimeSpan.Zero, TimeSpan.FromMilliseconds(20));   // the system counts in steps of 10 ms
    }

    /// <summary>Counts calls, and workers that came into a phase before all had left the one before, which may be the last of the kernel <paramref name="before"/>.</summary>
    private sealed class Probe(Probe? before = null) : CpuKernel
    {
        public const int PhaseCount = 3;

        private readonly int[] _arrivals = new int[PhaseCount];

        public int Calls;
        public int Early;

        public override int Phases => PhaseCount;

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            Interlocked.Increment(ref Calls);
            Interlocked.Increment(ref _arrivals[phase]);
            if (phase > 0 ? !AllCame(phase - 1, worker) : before?.AllCame(PhaseCount - 1, worker) == false)
                Interlocked.Increment(ref Early);
        }

        private bool AllCame(int phase, Worker worker) => Volatile.Read(ref _arrivals[phase]) % worker.Count == 0;
    }

    /// <summary>Knows which threads of the system the workers are, worker 0 left out.</summary>
    private sealed class Identified : CpuKernel
    {
        private readonly ConcurrentBag<int> _ids = [];

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            if (worker.Index > 0)
                _ids.Add(int.Parse(Path.GetFileName(new FileInfo("/proc/thread-self").LinkTarget!), CultureInfo.InvariantCulture));
        }

        public TimeSpan ProcessorTime()
        {
            using var process = Process.GetCurrentProcess();
            return process.Threads.Cast<ProcessThread>().Where(thread => _ids.Contains(thread.Id)).Aggregate(TimeSpan.Zero, (sum, thread) => sum + thread.TotalProcessorTime);
        }
    }

    private sealed class Taker : CpuKernel
    {
        public int[] Taken { get; } = new int[100];

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            for (var unit = worker.Next(); unit < Taken.Length; unit = worker.Next())
                Interlocked.Increment(ref Taken[unit]);
        }
    }

    private sealed class Failing : CpuKernel
    {
        public bool Fails;

        /// <summary>The worker that fails; −1 for all.</summary>
        public int Worker { get; init; }

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            if (Fails && (Worker < 0 || worker.Index == Worker))
                throw new InvalidOperationException("on purpose");
        }
    }

    private sealed unsafe class ScratchUser : CpuKernel
    {
        public int Intact;

        public override int Phases => 2;

        public override int ScratchBytes => 1000;

        public override void Run(int phase, CpuStep step, Worker worker)
        {
            var own = new Span<byte>(worker.Scratch, ScratchBytes);
            if (phase == 0)
                own.Fill((byte)(worker.Index + 1));
            else if (!own.ContainsAnyExcept((byte)(worker.Index + 1)) && (nuint)worker.Scratch % 64 == 0 && worker.ScratchBytes >= ScratchBytes)
                Interlocked.Increment(ref Intact);
        }
    }
}

// This file is part of OpenCV project.
// It is subject to the license terms in the LICENSE file found in the top-level directory
// of this distribution and at http://opencv.org/license.html.

// Trains models for cv::semcorr::Matcher. See usage() in options.cpp.

#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>

#include "device.hpp"
#include "file_io.hpp"
#include "text.hpp"
#include "trainer.hpp"
#include "utf8.hpp"

using namespace train;

static void onSignal(int)
{
    Trainer::stop();
    std::signal(SIGINT, SIG_DFL);  // the second time ends it at once
}

// torchrun passes an interrupt on to processes that the terminal has sent it to: the second one means nothing here.
static void onSharedSignal(int)
{
    Trainer::stop();
}

static std::string commandLine(int argc, char** argv)
{
    std::string command = "semcorr_train";
    for (int i = 1; i < argc; i++)
        command += " " + cv::semcorr::printable(argv[i]);
    return command;
}

// Removes what killed runs did not finish to write. Younger files may be another run's.
static void removeLeftovers(const std::filesystem::path& folder)
{
    std::error_code ignored;
    const auto old = std::filesystem::file_time_type::clock::now() - std::chrono::hours(1);
    for (const std::filesystem::directory_entry& entry : std::filesystem::directory_iterator(folder, ignored))
        if (entry.path().filename().string().compare(0, 9, ".semcorr-") == 0 && entry.last_write_time(ignored) < old)
            std::filesystem::remove(entry.path(), ignored);
}

// Hours of training must not go for a forgotten --out, nor minutes of computing features for a wrong file.
static void checkFiles(const Options& options)
{
    if (options.resume && options.overwrite)
        CV_Error(cv::Error::StsBadArg, "--resume and --overwrite are given, expected one of them");
    const std::filesystem::path out = options.out, checkpoint = out / "checkpoint.pt";
    std::error_code ignored;
    if (!options.startFrom.empty() && std::filesystem::equivalent(options.startFrom, checkpoint, ignored))
        CV_Error(cv::Error::StsBadArg, "--start-from=" + cv::semcorr::printable(options.startFrom) + " is the checkpoint of --out, which "
                                       "the run would replace: expected another --out");
    const bool canResume = std::filesystem::exists(checkpoint);
    if (options.resume && !canResume)
        CV_Error(cv::Error::StsObjectNotFound, "--resume: there is no \"" + cv::semcorr::printable(checkpoint.string()) + "\" yet, expected "
                                               "the same command without --resume; features that are there already are used");
    if (options.resume)
        checkCheckpoint(checkpoint.string(), learningOptions(options));
    if (options.resume || options.overwrite || (!canResume && !std::filesystem::exists(out / "model.yml")))
        return;
    const std::filesystem::path file = canResume ? checkpoint : out / "model.yml";
    CV_Error(cv::Error::StsBadArg, "\"" + cv::semcorr::printable(file.string()) + "\" is there already, of an earlier run: expected " +
                                   (canResume ? "--resume to go on with it, " : "") + "--overwrite to replace it, or another --out");
}

static void makeFolder(const char* option, const std::string& folder)
{
    std::error_code failed;
    std::filesystem::create_directories(folder, failed);
    if (failed)
        CV_Error(cv::Error::StsError, std::string(option) + "=" + cv::semcorr::printable(folder) + ": the folder cannot be made: " +
                                      failed.message());
}

// Found out by writing, as permissions do not tell all, and before features are computed
static void checkWritable(const std::filesystem::path& out)
{
    for (const char* name : { "checkpoint.pt", "model.yml", "log.csv", "curves.png", "config.yml" })
        if (std::filesystem::exists(out / name) && !std::filesystem::is_regular_file(out / name))
            CV_Error(cv::Error::StsBadArg, "\"" + cv::semcorr::printable((out / name).string()) + "\" is a folder or a device, expected a "
                                           "file to replace");
    const std::filesystem::path file = out / ".semcorr-writable";
    try
    {
        cv::semcorr::saveBytes(file.string(), std::string());
    }
    catch (const cv::Exception& e)
    {
        CV_Error(e.code, "--out=" + cv::semcorr::printable(out.string()) + ": " + e.err);
    }
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
}

// A file for --config that repeats the run
static void writeConfig(Options options)
{
    options.resume = options.overwrite = false;
    cv::semcorr::saveBytes((std::filesystem::path(options.out) / "config.yml").string(), toYaml(options));
}

// Each process computes a share of the features that are missing; all of them are then there for all.
static void fillCache(FeatureCache& cache, const Options& options, const Sources& sources, const Backbone& backbone,
                      const Processes& processes)
{
    if (processes.place.size == 1)
        return;
    processes.wait();  // each looks at the folder before others use it, so that no one removes what they use
    cache.setShare(processes.place.rank, processes.place.size);
    TrainingData(options, sources, cache, !processes.isFirst());
    Validation(sources.validated, backbone, cache, !processes.isFirst());
    processes.wait();
    cache.setShare(0, 1);
}

static int trainModel(const Options& options, const std::string& command, const Place& place)
{
    if (options.batch < place.size)
        CV_Error(cv::Error::StsBadArg, cv::format("--batch=%d with %d processes: expected at least one pair for each",
                                                  options.batch, place.size));
    const torch::Device device = selectDevice(options, place);
    const Processes processes(place);
    if (processes.isFirst())
        checkFiles(options);
    const Sources sources(options);
    const Backbone backbone = createBackbone(options);
    Trainer::check(options, backbone);
    const std::filesystem::path out = options.out;
    makeFolder("--out", options.out);
    if (processes.isFirst())
        checkWritable(out);
    if (!options.cache.empty())
        makeFolder("--cache", options.cache);
    const std::string folder = options.cache.empty() ? (out / "features").string() : options.cache;
    removeLeftovers(out);
    removeLeftovers(folder);
    FeatureCache cache(folder, options.cacheLimit * 1e9, backbone);
    fillCache(cache, options, sources, backbone, processes);
    const TrainingData data(options, sources, cache, !processes.isFirst());
    const Validation validation(sources.validated, backbone, cache, !processes.isFirst());
    const auto say = [&](const std::string& line)
    {
        if (processes.isFirst())
            std::cout << line << std::endl;
    };
    for (const std::string& warning : { data.warning(), validation.warning(), sharedWarning(sources.labelled, sources.validated) })
        if (!warning.empty())
            say(warning);
    say("training on " + data.description());
    if (backbone.blocks)
        say("fine-tuning " + backbone.blocks->description() + " of the backbone");
    if (!validation.empty())
        say("validating on " + validation.description());
    Trainer trainer(options, backbone, data, validation, device, processes, command);
    if (processes.isFirst() && !options.resume)  // all that could be wrong has been found by now
        writeConfig(options);
    std::signal(SIGINT, place.size > 1 ? onSharedSignal : onSignal);
    std::signal(SIGTERM, place.size > 1 ? onSharedSignal : onSignal);
    const bool finished = trainer.run();
    say(finished ? "written: " + cv::semcorr::printable((out / "model.yml").string()) : "stopped; go on with --resume");
    return finished ? 0 : 130;
}

int main(int argc, char** argv)
{
    std::string who = "semcorr_train: ";
    try
    {
        const Options options = parseOptions(std::vector<std::string>(argv + 1, argv + argc));
        if (options.help)
        {
            std::cout << usage();
            return 0;
        }
        const Place place = Place::fromEnvironment();
        if (place.size > 1)
            who = cv::format("semcorr_train, process %d of %d: ", place.rank, place.size);
        return trainModel(options, commandLine(argc, argv), place);
    }
    catch (const cv::Exception& e)
    {
        std::cerr << who << messageOf(e) << std::endl;
    }
    catch (const c10::Error& e)
    {
        std::cerr << who << cv::semcorr::printable(e.what_without_backtrace()) << std::endl;
    }
    catch (const std::exception& e)
    {
        std::cerr << who << cv::semcorr::printable(e.what()) << std::endl;
    }
    return 1;
}

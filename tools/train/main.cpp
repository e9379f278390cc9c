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
#include "trainer.hpp"
#include "utf8.hpp"

using namespace train;

static void onSignal(int)
{
    Trainer::stop();
    std::signal(SIGINT, SIG_DFL);  // the second time ends it at once
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

static int trainModel(const Options& options, const std::string& command)
{
    const torch::Device device = selectDevice(options);
    std::filesystem::create_directories(options.out);
    const std::filesystem::path out = options.out;
    const Backbone backbone = createBackbone(options);
    const std::string folder = options.cache.empty() ? (out / "features").string() : options.cache;
    removeLeftovers(out);
    removeLeftovers(folder);
    FeatureCache cache(folder, options.cacheLimit * 1e9, backbone.net);
    const TrainingData data(options, cache, false);
    const Validation validation(options, backbone, cache, false);
    std::cout << "training on " << data.description() << std::endl;
    if (!validation.empty())
        std::cout << "validating on " << validation.description() << std::endl;
    cv::semcorr::saveBytes((out / "config.yml").string(), toYaml(options));
    Trainer trainer(options, backbone, data, validation, device, command);
    std::signal(SIGINT, onSignal);
    std::signal(SIGTERM, onSignal);
    if (trainer.run())
    {
        std::cout << "written: " << (out / "model.yml").string() << std::endl;
        return 0;
    }
    std::cout << "stopped; go on with --resume" << std::endl;
    return 130;
}

int main(int argc, char** argv)
{
    try
    {
        const Options options = parseOptions(std::vector<std::string>(argv + 1, argv + argc));
        if (options.help)
        {
            std::cout << usage();
            return 0;
        }
        return trainModel(options, commandLine(argc, argv));
    }
    catch (const cv::Exception& e)
    {
        std::cerr << "semcorr_train: " << e.err << std::endl;
    }
    catch (const c10::Error& e)
    {
        std::cerr << "semcorr_train: " << cv::semcorr::printable(e.what_without_backtrace()) << std::endl;
    }
    catch (const std::exception& e)
    {
        std::cerr << "semcorr_train: " << cv::semcorr::printable(e.what()) << std::endl;
    }
    return 1;
}

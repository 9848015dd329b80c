use super::*;

#[test]
fn one_relay_holds_a_directory_and_commands_change_it_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let data = DataDirectory::new(directory.path());
    let held = data.hold().unwrap();
    let error = data.hold().unwrap_err().to_string();
    assert!(error.contains(&format!("(process {})", std::process::id())) && error.contains("--data"), "{error}");
    drop(data.lock().unwrap());
    drop(held);
    drop(data.hold().unwrap());
}

#[test]
fn a_new_file_is_for_its_owner_and_never_overwrites() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    write_new(&path, b"one").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(write_new(&path, b"two").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(fs::read(&path).unwrap(), b"one");
}

#[test]
fn a_replaced_file_is_whole_and_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agents.json");
    fs::write(directory.path().join("agents.json.new"), b"left by a crash").unwrap();
    replace(&path, b"one").unwrap();
    replace(&path, b"two").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_failed_replacement_leaves_the_old_content() {
    let directory = tempfile::tempdir().unwrap();
    // A directory in the file's place cannot be renamed over.
    let path = directory.path().join("agents.json");
    fs::create_dir(&path).unwrap();
    assert!(replace(&path, b"new").is_err());
    assert!(!directory.path().join("agents.json.new").exists());
}

#[test]
fn a_secret_open_to_others_is_refused_with_the_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("keys.json");
    write_new(&path, b"secret").unwrap();
    assert_eq!(read_secret(&path, 100).unwrap(), b"secret");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let error = read_secret(&path, 100).unwrap_err().to_string();
    assert!(error.contains("chmod 600") && error.contains("0640"), "{error}");
    assert!(!error.contains("secret\""));
}

#[test]
fn a_file_is_read_to_its_limit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, [b'x'; 11]).unwrap();
    assert_eq!(read(&path, 11).unwrap().len(), 11);
    assert!(read(&path, 10).unwrap_err().to_string().contains("larger than 10 bytes"));
}
